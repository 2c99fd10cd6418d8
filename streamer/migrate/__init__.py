"""Configurations of other plate readers as configurations of this program."""
