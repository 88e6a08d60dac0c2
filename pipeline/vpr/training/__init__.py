"""Training of a descriptor network: the loop, its steps, losses, settings, checkpoints, start.

training.py is the stage's function; which examples it learns from is in examples.
"""
