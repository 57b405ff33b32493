"""What leaves for situational-awareness tools."""
