"""Downloads: resumed where they stopped, checked by checksum and by type.

fetch.py has what the stage calls.
"""
