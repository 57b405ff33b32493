"""Bytes to pixels: what a file is, and its safe decoding."""
