"""Who does the work and what it takes: Ray actors and clusters, device memory, durations of past runs.

Nothing here can change an output.
"""
