"""Lists of plates: what is on them, what they would find, and their hits."""
