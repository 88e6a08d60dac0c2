"""Results for people: tables compared with the paper's, sheets of datasets, and one page.

tables writes files for programs and people, sets describes datasets, page is the HTML report.
"""
