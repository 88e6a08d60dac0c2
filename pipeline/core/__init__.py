"""What every room needs and what can change outputs: files, parameters, images. No torch.

An edit here reruns nearly every stage; what cannot change an output is in runtime.
"""
