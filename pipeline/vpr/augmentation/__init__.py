"""Changes of training images: colour, perspective, occlusion, false nights, lights in the dark.

transforms.py says which there are; night_lights.py draws lamps into nights.
"""
