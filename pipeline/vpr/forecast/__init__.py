"""Estimate what training a model needs of a machine, before anything runs.

learning_need.py calculates memory and time on a GPU; the stages themselves measure before they start.
"""
