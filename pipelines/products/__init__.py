"""What people look at and keep: pictures, overlays, GeoJSON, KMZ, evidence."""
