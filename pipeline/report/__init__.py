"""What came out, for people: tables beside the paper's, sheets of sets, and one page.

tables are files for programs and people, sets describe image sets, page is the HTML report.
"""
