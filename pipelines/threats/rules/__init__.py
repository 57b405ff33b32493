"""What counts as a threat to a position, what else must hold, and how it is told."""
