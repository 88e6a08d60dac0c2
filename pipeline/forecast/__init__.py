"""What lies ahead: the disk that params.yaml needs, and what the next run would do and take."""
