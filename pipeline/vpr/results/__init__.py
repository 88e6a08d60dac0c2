"""The result files of an evaluation: metrics with Wilson intervals, predictions, thumbnails, ground truth.

Written by evaluation, read by report.
"""
