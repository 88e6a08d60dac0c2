"""For commands outside the stages: translate a plain folder, prune the work store.

Both use the engine unchanged.
"""
