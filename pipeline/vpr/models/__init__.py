"""The descriptor network: backbones (torchvision, timm), aggregation (NetVLAD, GeM), model files.

descriptor_model.py combines them.
"""
