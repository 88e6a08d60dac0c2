"""Image sets: names, manifests, readers of raw forms, splits, times of day, merging, download."""
