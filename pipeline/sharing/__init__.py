"""Sets, models and results on DVC remotes: set up, checked and fixed.

For `duskline share` and `duskline repair`.
"""
