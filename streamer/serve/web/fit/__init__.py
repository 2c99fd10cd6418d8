"""How fit each camera is, what to change first, and its zones and lines drawn on the picture."""
