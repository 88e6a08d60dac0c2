"""Translate images from day to night with trained weights: one at a time or in batches.

translate.py is the translator that pipeline/night/engine uses.
"""
