"""A translator (any callable) over a whole set: plan, run, record, and never twice.

Nights are made in engine, described in records and measured in comparison; photometric makes them simply.
"""
