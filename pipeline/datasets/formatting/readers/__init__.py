"""One reader for each form of raw data: Pittsburgh, Tokyo 24/7, plain folders, traverses, common names.

Each is a function of the raw folder and its settings that yields `RawImage`s.
"""
