"""From images to recall: descriptor extraction, nearest neighbours (exact, IVF-PQ), recall@N.

Used by training for its val split and by evaluation for test sets.
"""
