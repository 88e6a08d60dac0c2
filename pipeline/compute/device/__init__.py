"""The device that computes: number formats, threads, tensor files, and copying batches to it.

An edit here reruns everything that computes with torch.
"""
