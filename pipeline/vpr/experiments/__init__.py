"""Models to evaluate: the folder of an experiment, models of torch.hub, models given as a file.

Nothing here trains or evaluates.
"""
