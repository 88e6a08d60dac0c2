"""Sets, models and results on DVC remotes: set up, paid for knowingly, checked and mended.

For `duskline share` and `duskline repair`.
"""
