"""Whether this machine can do what params.yaml asks for; a module for each kind of check.

machine_check.py runs all of them, for `duskline doctor`.
"""
