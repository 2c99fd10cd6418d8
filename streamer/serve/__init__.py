"""What a run serves over HTTP."""
