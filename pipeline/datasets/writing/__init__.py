"""How sets are written: image by image, the manifest last, an older set replaced when complete.

With lines that carry a checksum, for lists that only grow.
"""
