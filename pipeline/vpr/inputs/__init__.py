"""Images as the input of a network, and the images of a split with their positions.

Resizing and normalisation are in preprocessing.py.
"""
