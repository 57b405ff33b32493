"""The world: capture metadata, camera, terrain, georeferencing, proximity, incidents, annotation.

A pure core: no clock, no SQL, no object storage, no gRPC.
"""
