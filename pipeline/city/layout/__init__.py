"""The plan: streets, blocks, lots, street furniture, and the routes that images are taken along.

Everything is drawn from the seed; nothing here is three-dimensional yet.
"""
