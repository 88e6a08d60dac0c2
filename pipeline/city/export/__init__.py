"""The city as raw data: the same archives, file names and split files as the published datasets.

The bytes depend only on the content.
"""
