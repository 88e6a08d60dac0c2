"""The descriptor network: backbones (torchvision, timm), aggregation (NetVLAD, GeM), its file.

descriptor_model.py puts them together.
"""
