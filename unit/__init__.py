"""The UNIT translator: network, checkpoints, translation of pictures, losses, training."""
