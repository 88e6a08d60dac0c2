"""The device that computes: its number formats and threads, files of tensors, and the way of a batch to it.

An edit here runs everything again that computes with torch.
"""
