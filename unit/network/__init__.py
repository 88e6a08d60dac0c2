"""UNIT's generator, its checkpoints, its named choices, and pictures as it takes and gives them.

Both translation and training rest on it.
"""
