"""Recall tables compared with the paper's, and the headline: the gain from nights, with its interval.

The paper's numbers are in paper.yaml.
"""
