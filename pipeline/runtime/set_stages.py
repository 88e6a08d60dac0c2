"""Which stages make an image set."""

# In the order of the journey.
SET_STAGES = ("format", "translate", "photometric", "merge", "apart", "select")
