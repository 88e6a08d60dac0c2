"""Recall tables beside the paper's, and the headline: what the nights are worth, with its interval.

The paper's numbers are in paper.yaml.
"""
