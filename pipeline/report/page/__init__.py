"""The report as one self-contained page: charts, browser of matches, pairs, provenance.

HTML, CSS and scripts are in templates.
"""
