"""Commands, run by hand, that measure speed and the gain from night images, and print tables."""
