"""Evaluate an experiment on a test set: load the model, describe and search the queries, write recalls.

Also here: the cache of database descriptors, multi-scale testing, query preprocessing, and Ray.
"""
