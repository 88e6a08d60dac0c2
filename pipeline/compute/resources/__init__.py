"""Workers and resources: Ray actors and clusters, device memory, durations of past runs.

Nothing here can change an output.
"""
