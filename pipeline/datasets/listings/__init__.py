"""Names of images in lists: those that people write, and those of another copy of a set.

How their tables are read, which file of a folder a name in them means, and which images are the same.
"""
