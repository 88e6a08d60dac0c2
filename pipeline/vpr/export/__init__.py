"""A place recogniser as a folder that `torch.hub` loads where duskline is not installed.

export_model.py writes it; own_hubconf.py and others_hubconf.py are what is copied into it.
"""
