"""Archives: members of tar and zip files are read one after the other, without unpacking.

Also the record of archives that a user keeps elsewhere.
"""
