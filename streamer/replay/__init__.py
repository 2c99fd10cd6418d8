"""A recorded run, again with other settings."""
