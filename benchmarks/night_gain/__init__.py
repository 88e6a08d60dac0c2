"""What nights are worth to a recogniser, measured where the true nights are known: in the embedded city."""
