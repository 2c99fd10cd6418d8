"""Plates through time: motion, association, tracks, what to read, and the vote over the readings of a track."""
