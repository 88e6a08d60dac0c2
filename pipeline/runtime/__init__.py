"""What every room needs and what cannot change an output. No torch.

Errors, locks, signals, logging, progress, settings of the machine, ranges of settings and their docs.
"""
