"""Pixel to ground: viewpoint, terrain, place and its error."""
