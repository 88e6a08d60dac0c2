"""Tests of the growth that is measured and extrapolated."""
