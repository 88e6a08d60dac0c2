"""A translator (any callable) over a whole data set: plan, run, record, and never twice."""
