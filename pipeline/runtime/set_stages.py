"""The stages that make a dataset."""

# In the order of the pipeline.
SET_STAGES = ("format", "translate", "photometric", "merge", "apart", "select")
