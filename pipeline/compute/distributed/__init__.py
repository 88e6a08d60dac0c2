"""Processes that train as one: their group, sums that gradients pass, saved states, and training curves.

They are started by torchrun; a run of one process uses the same code.
"""
