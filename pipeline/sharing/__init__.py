"""Sets, models and results on DVC remotes: set up, checked and mended.

For `duskline share` and `duskline repair`.
"""
