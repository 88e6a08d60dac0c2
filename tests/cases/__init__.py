"""Small folders as people have them, after public reports: what each was read as, and what is right."""
