"""How far two texts of plates are apart."""

from __future__ import annotations


def distance(a: str, b: str) -> int:
    """Characters to change, leave out or put in to make one of the other; `?` stands for any."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            same = x == y or "?" in (x, y)
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (not same))
    return row[-1]


def cut_from(part: str, whole: str) -> bool:
    """Whether `part` is what is left of `whole` where the edge of the picture hides an end of it: at least half, where
    the character at the edge may be misread."""
    length = len(part)
    if not len(whole) / 2 <= length <= len(whole) or part == whole:
        return False
    if length == len(whole):  # the last one is there, in half
        return part[1:] == whole[1:] or part[:-1] == whole[:-1]
    return any(whole[at:].startswith(inner) for inner, at in _left(part, len(whole)))


def _left(part: str, length: int) -> list[tuple[str, int]]:
    """What must stand where in a whole of that length: with and without the character at the edge."""
    return [(part, 0), (part[:-1], 0), (part, length - len(part)), (part[1:], length - len(part) + 1)]
