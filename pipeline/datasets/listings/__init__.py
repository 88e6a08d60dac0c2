"""Names of images in lists that users write, or that come from another copy of a dataset.

How these tables are read, which file of a folder a name means, and which images are the same.
"""
