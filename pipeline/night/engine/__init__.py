"""Makes nights: plans them, translates in workers here or in a Ray cluster, keeps them in the work store.

translate_set.py does a whole run, translate_image.py one image.
"""
