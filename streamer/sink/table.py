"""A CSV that is there already: its end is mended, its header is looked at, and new rows get the form that it has."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from streamer.errors import ConfigError
from streamer.sink.parts import as_it_is
from streamer.sink.tails import mend_tail

_log = logging.getLogger(__name__)

_BOM = b"\xef\xbb\xbf"
_LEAST = 3  # columns that an earlier version's file has at least


def look(path: Path, columns: Sequence[str]) -> Callable[[bytes], bytes]:
    """Mends the end of the file and gives what brings a row of `columns` into its form: line ends as it has them,
    and as many cells, where it was begun with fewer columns (by an earlier version) or has more after ours.
    ConfigError where it is another table."""
    header = encode_row(columns)
    with path.open("rb") as stream:
        first = stream.readline().rstrip(b"\0")
    bare = first.removeprefix(_BOM).rstrip(b"\r\n")
    if not first.endswith(b"\n") and header.rstrip().startswith(bare):
        if bare:
            _log.warning("%s: its header was torn and is rewritten", path)
        path.write_bytes(header)
        return as_it_is
    there = _cells(bare)
    n = len(there)
    if tuple(there[: len(columns)]) != tuple(columns)[:n] or n < min(_LEAST, len(columns)):
        raise ConfigError(
            f"{path}: begins with other columns: give another file, or --replace to overwrite it", at=path
        )
    mend_tail(path, lambda row: _whole(row, n), quoted=True)
    if n < len(columns):
        _log.warning("%s: was started without the columns %s: they are left out", path, ", ".join(columns[n:]))
    if n == len(columns) and not first.endswith(b"\r\n"):
        return as_it_is
    end = b"\r\n" if first.endswith(b"\r\n") else b"\n"

    def fit(row: bytes) -> bytes:
        cells = _cells(row)
        return encode_row([*cells, *[""] * (n - len(cells))][:n]).removesuffix(b"\n") + end

    return fit


def _whole(row: bytes, cells: int) -> bool:
    try:
        row.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(_cells(row)) == cells


def _cells(row: bytes) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(row.decode("utf-8", "replace"), newline="")), [])
    except csv.Error:  # a cell without end, longer than any of ours
        return []


def encode_row(cells: Sequence[str]) -> bytes:
    """One RFC 4180 line. Lone surrogates (file names that are not UTF-8) become `?`."""
    line = io.StringIO()
    # The writer quotes what its own line ending is made of: with \r\n a lone \r in a name is quoted as well.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return (line.getvalue().removesuffix("\r\n") + "\n").encode("utf-8", "replace")
