"""What an image set is: its manifest, names that carry positions, tar shards, search by radius.

Every stage reads sets through image_set.py.
"""
