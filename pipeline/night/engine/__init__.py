"""How nights are made: planned, translated by workers here or in a Ray cluster, kept in the work store.

translate_set.py is the whole run, translate_image.py one image.
"""
