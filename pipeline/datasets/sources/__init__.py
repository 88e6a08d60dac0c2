"""The registry of published sets, and the licence terms that go wherever a set goes.

An entry is a YAML file in `pipeline/datasets/registry/`.
"""
