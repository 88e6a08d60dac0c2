"""Describes datasets: statistics with figures, records of origin, sheets of samples and augmentations.

One function for each of the stages statistics, sheet and augmentations.
"""
