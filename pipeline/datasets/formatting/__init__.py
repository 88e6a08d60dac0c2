"""From raw pictures to a set in the common layout: every picture decoded and checked once.

A reader for each form of raw data is in readers, and forms.py names them; build_set.py writes what they give.
"""
