"""From raw images to a set in the common layout: every image decoded and checked once.

A reader for each form of raw data is in readers, and forms.py names them; build_set.py writes what they give.
"""
