"""What an evaluation leaves: metrics with Wilson intervals, predictions, thumbnails, ground truth.

Written by evaluation, read by report.
"""
