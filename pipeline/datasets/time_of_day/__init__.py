"""Day, sunset or night: labels of queries, from the dataset, by hand, or guessed from brightness.

labels.py has what the stages call.
"""
