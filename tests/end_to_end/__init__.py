"""Whole runs of the pipeline on a tiny city."""
