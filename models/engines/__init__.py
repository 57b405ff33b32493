"""What runs a network, each behind its own adapter."""
