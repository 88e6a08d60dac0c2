"""Sets made of other sets: day and night merged, overlap with a test set excluded, queries selected.

No picture is copied or decoded for them again.
"""
