"""One file for each training."""
