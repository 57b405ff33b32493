"""Pixels: detections, tiling, merging, detector engines and the model catalogue."""
