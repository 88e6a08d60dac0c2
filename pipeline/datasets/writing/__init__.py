"""How datasets are written: image by image, the manifest last; an older one is replaced at the end.

Also lines with a checksum, for lists that only grow.
"""
