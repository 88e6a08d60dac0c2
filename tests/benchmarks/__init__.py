"""Tests of what benchmarks compute from what they measured."""
