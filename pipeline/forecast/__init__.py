"""Forecasts: the disk space that params.yaml needs, and what the next run would do and need."""
