"""Export a model as a folder that `torch.hub` loads without duskline.

export_model.py writes it; own_hubconf.py and others_hubconf.py are copied into it.
"""
