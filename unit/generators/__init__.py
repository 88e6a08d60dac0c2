"""Generators of others, read as they are: CycleGAN's, CUT's, pix2pix's, gandtr's, and exported programs.

state_dict.py opens a file, layout.py reads its sizes off the tensors, resnet.py and unet.py are the networks.
"""
