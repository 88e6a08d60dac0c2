"""Datasets, models and results on DVC remotes: set up, checked and repaired.

For `duskline share` and `duskline repair`.
"""
