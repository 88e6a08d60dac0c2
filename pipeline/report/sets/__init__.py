"""Sets described: statistics with figures, records of origin, sheets of samples and augmentations.

A function for each of the stages statistics, sheet and augmentations.
"""
