"""Visual place recognition: descriptors learnt from examples, searched, evaluated by recall.

A model is trained in training, tested in evaluation; both share inputs, models and retrieval.
"""
