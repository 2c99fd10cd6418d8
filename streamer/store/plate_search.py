"""Distinct plates that fit a pattern or are near a text, found in the packed texts of all (plate_blocks.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection

from streamer.plates.look_alikes import folded
from streamer.plates.texts import distance
from streamer.store.extras import extra
from streamer.store.plate_blocks import blocks, encoded

_FOLD = bytes(ord(folded(chr(k))) for k in range(128)) + bytes(range(128, 256))
_ONE = {True: rb"[^\n]", False: rb"[^\n\x80-\xbf][\x80-\xbf]*"}  # any character, of ASCII and of UTF-8
_ANY = rb"[^\n]*"
_LONG = 3  # characters of a text that few plates have


def matching(
    connection: Connection, pattern: str, most: int | None = None, *, alike: bool = False, part: bool = False
) -> list[int]:
    """The numbers of plates that fit a pattern, `most` at most. `alike`: with look-alikes as one; `part`: any part of a
    plate may fit."""
    pattern = folded(pattern) if alike else pattern
    pattern = f"*{pattern}*" if part else pattern
    wanted = {ascii: _Pattern(pattern, ascii=ascii) for ascii in _ONE}
    found: list[int] = []
    for first, lines in blocks(connection):
        if alike:
            lines = lines.translate(_FOLD)
        found += wanted[lines.isascii()].numbers(first, lines)
        if most is not None and len(found) >= most:
            return found[:most]
    return found


class _Pattern:
    """A pattern as an expression that begins with its longest text, which is found fast; what is before that is
    compared where the rest fits."""

    def __init__(self, pattern: str, *, ascii: bool) -> None:
        runs = [run.span() for run in re.finditer(r"[^*?]+", pattern)]
        start, end = max(runs, key=lambda run: (run[1] - run[0] + (run[0] == 0 or run[1] == len(pattern)), -run[0]))
        ends = b"" if pattern.endswith("*") else rb"(?=\n)"
        whole = rb"\n" + _expression(pattern, ascii=ascii) + ends
        lead = pattern[:start]
        self._begins = not lead or ("*" not in lead and end - start < _LONG)
        self._whole = re.compile(whole) if not self._begins and lead.strip("*") else None
        rest = pattern[start:].rstrip("*")
        self._search = re.compile(whole if self._begins else _expression(rest, ascii=ascii) + ends)

    def numbers(self, first: int, lines: bytes) -> Iterator[int]:
        """Of the plates in a block that fit."""
        for number, start in _hits(self._search, first, lines, self._begins):
            if self._whole is None or self._whole.match(lines, start):
                yield number


def _expression(pattern: str, *, ascii: bool) -> bytes:
    parts = re.split(r"(\*+|\?)", pattern)
    return b"".join(_ONE[ascii] if p == "?" else _ANY if p[:1] == "*" else re.escape(encoded(p)) for p in parts)


def _hits(expression: re.Pattern[bytes], first: int, lines: bytes, before: int = 0) -> Iterator[tuple[int, int]]:
    """The numbers of the lines in which the expression is found, each once, and where the line feed before them is.
    `before`: how many line feeds it begins with."""
    number, at, last = first - 1, 0, -1
    for hit in expression.finditer(lines):
        start = hit.start() + before
        number += lines.count(b"\n", at, start)
        at = start
        if number != last:
            last = number
            yield number, lines.rfind(b"\n", 0, start)


def near(connection: Connection, text: str, edits: int) -> dict[int, int]:
    """Plates within so many edits of the text: number and distance. Of the text cut into one piece more than that, one
    is in the plate unchanged; `?` in a plate is any character, and so is no part of a piece."""
    process: Any = extra("rapidfuzz.process", "store")
    scorer: Any = extra("rapidfuzz.distance", "store").Levenshtein.distance
    most = edits + text.count("?")  # which is an edit there
    pieces = _pieces(text, edits + 1)
    parts = [re.compile(re.escape(encoded(piece))) for piece in (*dict.fromkeys(pieces), "?")] if all(pieces) else []
    found: dict[int, int] = {}
    for first, lines in blocks(connection):
        plates = _with(parts, first, lines) if parts else _all(first, lines)
        close = process.extract(text, plates, scorer=scorer, score_cutoff=most, limit=None)
        doubtful = {number for number, plate in plates.items() if "?" in plate} if b"?" in lines else set()
        for number in doubtful.union(number for _, _, number in close):
            away = distance(text, plates[number])
            if away <= edits:
                found[number] = away
    return found


def _with(parts: list[re.Pattern[bytes]], first: int, lines: bytes) -> dict[int, str]:
    """The plates of a block that have one of these parts."""
    starts = {number: start + 1 for part in parts for number, start in _hits(part, first, lines)}
    return {
        number: lines[start : lines.index(b"\n", start)].decode("utf-8", "surrogatepass")
        for number, start in starts.items()
    }


def _all(first: int, lines: bytes) -> dict[int, str]:
    plates = lines[1:-1].decode("utf-8", "surrogatepass").split("\n")
    return {number: plate for number, plate in enumerate(plates, first) if plate}


def _pieces(text: str, count: int) -> list[str]:
    """The text in so many pieces, of each the longest part without `?`."""
    cuts = [round(k * len(text) / count) for k in range(count + 1)]
    return [max(text[a:b].split("?"), key=len) for a, b in pairwise(cuts)]
