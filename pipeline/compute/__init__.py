"""What everything that computes needs: the device, processes that work as one, resources.

Nothing here depends on what is computed, nights or descriptors.
"""
