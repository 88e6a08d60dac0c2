"""Commands for sources and datasets: pin checksums, export plain files.

No stage uses it.
"""
