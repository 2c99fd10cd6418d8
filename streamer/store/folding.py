"""Look-alike characters as one, for searching."""

from __future__ import annotations

_ALIKE = str.maketrans({"O": "0", "I": "1", "B": "8", "S": "5", "Z": "2", "G": "6"})
_SEPARATORS = str.maketrans("", "", " -.·_/")


def folded(text: str) -> str:
    """`text` with look-alikes as one: O is 0, I is 1, B is 8, S is 5, Z is 2, G is 6."""
    return text.translate(_ALIKE)


def as_plate(text: str) -> str:
    """A plate as people write it, as the reader writes it: upper case, without separators."""
    return text.strip().upper().translate(_SEPARATORS)
