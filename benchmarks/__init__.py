"""How fast it is, and what its nights are worth: commands that print figures, run by hand."""
