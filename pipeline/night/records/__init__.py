"""What a translator is, and what is recorded about nights: provenance, and the summary of a run.

Code that only reads night datasets needs no other room of night.
"""
