"""Tests of the benchmarks: what they compute from what they measured, and that each prints its figures."""
