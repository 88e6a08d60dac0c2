"""From raw images to a dataset in the common layout: every image is decoded and checked once.

readers has a reader for each form of raw data, forms.py lists them, and build_set.py writes their images.
"""
