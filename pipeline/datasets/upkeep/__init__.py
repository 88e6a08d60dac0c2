"""Work by hand on sources and sets: pin checksums, export plain files.

No stage uses it.
"""
