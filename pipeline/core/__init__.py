"""What every room needs and what can change bytes: files, parameters, images. No torch.

An edit here runs nearly every stage again; what cannot change a byte is in runtime.
"""
