"""An experiment on a test set: the model loaded, queries described and searched, recalls written.

With the cache of database descriptors, multi-scale and crop treatments, and Ray.
"""
