"""Datasets: the manifest, names that contain positions, tar shards, search by radius.

Every stage reads datasets through image_set.py.
"""
