"""What surfaces look like: facades, windows, materials, trees, cars, road markings, the ground.

Textures are arrays that rendering lights and draws.
"""
