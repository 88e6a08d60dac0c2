"""Work by hand on sources and sets: pin checksums, look for dead links, export plain files.

No stage uses it.
"""
