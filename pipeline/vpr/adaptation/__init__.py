"""Adapting VPR models of any kind to night, while the index that they computed by day stays valid.

settings.py has the choices, student.py the network that learns, adaptation.py the training run.
"""
