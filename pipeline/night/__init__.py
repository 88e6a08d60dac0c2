"""Runs a translator (any callable) over a whole dataset: plans, runs and records, and makes no night twice.

engine makes nights, records describes them, comparison measures them; photometric makes them without a
network.
"""
