"""Archives as they are: members of tar and zip read one after the other, without unpacking.

With the record of archives that a user holds elsewhere.
"""
