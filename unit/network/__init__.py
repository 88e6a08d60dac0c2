"""UNIT's generator, its checkpoints, its named choices, and images as it takes and gives them.

Both translation and training rest on it.
"""
