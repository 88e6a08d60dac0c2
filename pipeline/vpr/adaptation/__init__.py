"""Place recognisers of any kind taught to see by night, while the index of days that they made stays valid.

What is learnt and how is in settings.py, the network that learns in student.py, the run in adaptation.py.
"""
