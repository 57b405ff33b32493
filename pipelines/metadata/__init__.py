"""Bytes to capture: how an image was taken, read and checked."""
