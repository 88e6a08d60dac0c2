"""Downloads: resumed where they stopped, checked by checksum and by type.

fetch.py is the stage's function.
"""
