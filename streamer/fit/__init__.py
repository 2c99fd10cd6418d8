"""How fit a camera is for plates: what arrives, how large and sharp its plates are, and what to change first."""
