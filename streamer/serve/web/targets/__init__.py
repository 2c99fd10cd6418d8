"""Targets that rows are sent to: what waits, dead letters, trials."""
