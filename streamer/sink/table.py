"""Appending to an existing CSV: its end is repaired, its header is checked, and new rows are adapted to its columns."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from streamer.errors import ConfigError
from streamer.sink.parts import unchanged
from streamer.sink.tails import repair_tail

_log = logging.getLogger(__name__)

_BOM = b"\xef\xbb\xbf"
_LEAST = 3  # columns that every earlier version's file has


def prepare(path: Path, columns: Sequence[str]) -> Callable[[bytes], bytes]:
    """Repairs the end of the file and returns a function that adapts a row of `columns` to it: its line endings, and
    its number of cells, where it has fewer columns (from an earlier version) or more after ours. ConfigError where it
    is another table."""
    header = encode_row(columns)
    with path.open("rb") as stream:
        first = stream.readline().rstrip(b"\0")
    bare = first.removeprefix(_BOM).rstrip(b"\r\n")
    if not first.endswith(b"\n") and header.rstrip().startswith(bare):
        if bare:
            _log.warning("%s: its header was incomplete and is rewritten", path)
        path.write_bytes(header)
        return unchanged
    existing = _cells(bare)
    n = len(existing)
    if tuple(existing[: len(columns)]) != tuple(columns)[:n] or n < min(_LEAST, len(columns)):
        raise ConfigError(f"{path}: has other columns: give another file, or --replace to overwrite it", at=path)
    repair_tail(path, lambda row: _is_complete(row, n), quoted=True)
    if n < len(columns):
        _log.warning("%s: has no columns %s: they are left out", path, ", ".join(columns[n:]))
    if n == len(columns) and not first.endswith(b"\r\n"):
        return unchanged
    end = b"\r\n" if first.endswith(b"\r\n") else b"\n"

    def adapt(row: bytes) -> bytes:
        cells = _cells(row)
        return encode_row([*cells, *[""] * (n - len(cells))][:n]).removesuffix(b"\n") + end

    return adapt


def _is_complete(row: bytes, cells: int) -> bool:
    try:
        row.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(_cells(row)) == cells


def _cells(row: bytes) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(row.decode("utf-8", "replace"), newline="")), [])
    except csv.Error:  # an unterminated cell, longer than any of ours
        return []


def encode_row(cells: Sequence[str]) -> bytes:
    """One RFC 4180 line. Lone surrogates (file names that are not UTF-8) become `?`."""
    line = io.StringIO()
    # The writer quotes the characters of its line ending: with \r\n a lone \r in a name is quoted as well.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return (line.getvalue().removesuffix("\r\n") + "\n").encode("utf-8", "replace")
