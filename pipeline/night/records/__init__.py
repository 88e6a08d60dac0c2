"""What a translator is, and what is written of each night: its provenance, and the summary of a run.

Whoever only reads sets of nights needs no other room of night.
"""
