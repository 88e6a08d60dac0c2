"""Models as folders for others: the same numbers, also where nothing of duskline is installed."""
