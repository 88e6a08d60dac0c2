"""Training examples: positives, hard negative mining, day-night pairs, similar places.

tuple_loader.py reads and augments the images of a batch.
"""
