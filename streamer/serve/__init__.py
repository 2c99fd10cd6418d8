"""Metrics and health of a run over HTTP."""
