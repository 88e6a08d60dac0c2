"""Training of a descriptor network: loop, steps, losses, settings, checkpoints, initial weights.

training.py has the function of the stage; examples has the training examples.
"""
