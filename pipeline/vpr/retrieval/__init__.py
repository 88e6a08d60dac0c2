"""From images to recall: descriptor extraction, nearest neighbours (exact, IVF-PQ), recall@N.

Training uses it for the val split, evaluation for test sets.
"""
