"""Plates as people write them in the reader's form, and look-alike characters as one."""

from __future__ import annotations

import unicodedata

_ALIKE = str.maketrans({"O": "0", "I": "1", "B": "8", "S": "5", "Z": "2", "G": "6"})
_SEPARATORS = frozenset(" -.·|_/•‧・∙⋅‐‑‒–—―\t\u00a0\u3000\u200b\ufeff")


def folded(text: str) -> str:
    """`text` with look-alikes as one: O is 0, I is 1, B is 8, S is 5, Z is 2, G is 6."""
    return text.translate(_ALIKE)


def as_plate(text: str) -> str:
    """A plate as the reader writes it: upper case, without separators and marks over letters; full-width and other
    digits as 0-9."""
    apart = unicodedata.normalize("NFKD", text).upper()
    return "".join(_digit(c) for c in apart if not unicodedata.combining(c) and c not in _SEPARATORS)


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


# Regions whose texts hold 0 for every letter O: those whose layouts in configs/plates have `zero_for_o`. The two look
# alike on most plates there, and which of them was meant nobody can tell.
ZERO_FOR_O = frozenset({"north-america"})


def with_zero(text: str) -> str:
    """`text` with 0 for every letter O."""
    return text.replace("O", "0")


def as_read(text: str, region: str | None) -> str:
    """`text` as a plate of that region with it is read."""
    return with_zero(text) if region in ZERO_FOR_O else text
