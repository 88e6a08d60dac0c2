"""Sets made of other sets: day and night merged, overlap with a test set excluded, queries selected.

No image is copied or decoded for them again.
"""
