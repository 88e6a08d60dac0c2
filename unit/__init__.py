"""The UNIT translator: its network and weights, translation of pictures, training of new ones.

Rooms: network, translation, data, training, and generators, those of others, which translation takes too. The
shipped weights are in `unit/weights/`.
"""
