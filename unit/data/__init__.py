"""The training images of a translator in both domains, day and night.

Listings of folders and datasets; no torch.
"""
