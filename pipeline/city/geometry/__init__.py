"""Shapes in space: cameras, meshes, buildings with their bay windows, and what a camera can see.

What the shapes look like is in appearance.
"""
