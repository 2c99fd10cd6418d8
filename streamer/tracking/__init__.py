"""Plates through time: motion, association, tracks, and the frames that the detector runs on."""
