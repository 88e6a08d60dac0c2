"""Nights without a network: the paper's photometric augmentation and a classical day-to-night.

Both are translators like any other.
"""
