"""The UNIT translator: its network and weights, translation of images, training of new weights.

Rooms: network, translation, data, training, and generators (those of others, which translation runs too). The
shipped weights are in `unit/weights/`.
"""
