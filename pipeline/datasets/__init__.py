"""Image sets, from raw archives to a common layout and to sets made of other sets.

image_set is what all stages read, writing is how all of them write; the rest is a room for each step.
"""
