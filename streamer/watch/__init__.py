"""Lists of plates to watch for: read from files, compared with passages, and reported as events. No threads."""
