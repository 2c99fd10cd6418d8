"""Readers of labelled data and the loaders that feed training."""
