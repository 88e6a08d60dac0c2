"""Lists of files that people write.

How their tables are read, and which file of a folder a name in them means.
"""
