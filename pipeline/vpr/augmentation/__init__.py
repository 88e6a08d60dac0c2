"""Augmentation of training images: colour, perspective, occlusion, false nights, lights at night.

transforms.py has all of them; night_lights.py draws lamps into night images.
"""
