"""What everything that computes needs: the device, processes that work as one, resources.

Nothing here knows what is computed: neither nights nor descriptors.
"""
