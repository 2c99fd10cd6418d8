"""Pixels: planes of a decoded frame, and rectified crops."""
