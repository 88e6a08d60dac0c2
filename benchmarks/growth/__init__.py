"""How what is ours grows with the number of images: seconds and memory, measured and extrapolated."""
