"""The city as raw data: the same archives, file names and split files as the published sets.

Written so that the bytes depend on content alone.
"""
