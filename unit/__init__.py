"""The UNIT translator: its network and weights, translation of pictures, training of new ones.

Rooms: network, translation, data, training. The shipped weights are in `unit/weights/`.
"""
