"""Training UNIT on two unpaired domains: losses, discriminator, steps, states, estimates.

train.py has the function of the stage.
"""
