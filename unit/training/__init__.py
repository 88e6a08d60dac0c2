"""A training of UNIT from two unpaired domains: losses, discriminator, steps, states, estimates.

train.py is the stage's function.
"""
