"""Images from day to night by a trained pair: one at a time or in batches, with their own detail.

translate.py is the translator that night's engine takes.
"""
