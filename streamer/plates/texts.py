"""Edit distance of plate texts, and texts cut by the picture's edge."""

from __future__ import annotations


def distance(a: str, b: str) -> int:
    """Edit distance: characters to change, remove or insert; `?` matches any."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            same = x == y or "?" in (x, y)
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (not same))
    return row[-1]


def cut_from(part: str, whole: str) -> bool:
    """Whether `part` may be `whole` with an end hidden by the edge of the picture: at least half of it, whose character
    at the edge may be misread."""
    length = len(part)
    if not len(whole) / 2 <= length <= len(whole) or part == whole:
        return False
    if length == len(whole):  # the last character is cut, not hidden
        return part[1:] == whole[1:] or part[:-1] == whole[:-1]
    return any(whole[at:].startswith(inner) for inner, at in _left(part, len(whole)))


def _left(part: str, length: int) -> list[tuple[str, int]]:
    """(text, position) pairs of which one must match a text of that length: with and without the character at the
    edge."""
    return [(part, 0), (part[:-1], 0), (part, length - len(part)), (part[1:], length - len(part) + 1)]
