"""For people, outside of the stages: translate a plain folder, prune the work store.

Both use the engine as it is.
"""
