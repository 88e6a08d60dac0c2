"""Day, sunset or night: labels of queries, from the set itself, by a hand, or guessed by brightness.

labels.py is what the stages ask.
"""
