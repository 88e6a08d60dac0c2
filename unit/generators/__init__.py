"""Generators of others, in their published files: CycleGAN, CUT, pix2pix, gandtr, and exported programs.

state_dict.py opens a file, layout.py reads its sizes from the tensors, resnet.py and unet.py are networks.
"""
