"""Training in several processes: their group, sums with gradients, saved states, training curves.

torchrun starts them; a run of one process uses the same code.
"""
