"""The registry of published datasets, with their licence terms.

An entry is a YAML file in `pipeline/datasets/registry/`.
"""
