"""Models to be tested: an experiment's folder, models of torch.hub, models given as a file.

Nothing here trains or evaluates.
"""
