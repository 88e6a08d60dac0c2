"""The UNIT translator: its network and weights, translation of images, training of new ones.

Rooms: network, translation, data, training, and generators, those of others, which translation takes too. The
shipped weights are in `unit/weights/`.
"""
