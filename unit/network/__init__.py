"""UNIT's generator, its checkpoints, its named choices, and how its numbers are computed.

Both translation and training rest on it.
"""
