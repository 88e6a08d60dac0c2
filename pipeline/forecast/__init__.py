"""What lies ahead: what params.yaml will need of the machine, and what the next run would do.

Disk, number of images, durations, and DVC's own decisions.
"""
