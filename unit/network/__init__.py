"""UNIT's generator, its checkpoints and settings, and the conversion of images to its input and output.

Used by translation and training.
"""
