"""How likely an object is near a position."""
