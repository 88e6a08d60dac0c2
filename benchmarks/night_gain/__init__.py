"""Measure the gain from night images in the embedded city, where the ground-truth nights are known."""
