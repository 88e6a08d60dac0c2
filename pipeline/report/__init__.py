"""What came out, for people: tables beside the paper's, sheets, curves and one page."""
