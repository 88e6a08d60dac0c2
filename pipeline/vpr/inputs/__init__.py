"""Images as a network's input, and the images of a split with their positions.

Resizing and normalisation are in preprocessing.py.
"""
