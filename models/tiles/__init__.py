"""An image in overlapping views: cut, looked at, and made one again."""
