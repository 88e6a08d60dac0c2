"""The images of the two domains, day and night, that a translator learns from.

Lists of folders and sets; no torch.
"""
