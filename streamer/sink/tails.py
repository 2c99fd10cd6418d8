"""Repair of a file that is appended to after a crash or power failure: an incomplete row or character, NULs."""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_MOST_TORN = 1 << 26
_SHOWN = 300  # bytes of a removed row in the log


def repair_tail(path: Path, is_complete: Callable[[bytes], bool], *, quoted: bool) -> None:
    """Removes an incomplete last row and trailing NULs, and logs it; complete rows are unchanged. A last row without a
    line feed that `is_complete` gets one. `quoted`: line feeds within `"` belong to a row, as in a CSV."""
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        end = _without_nul(stream, size)
        start, within_quotes = _last_row(stream, end) if quoted else (_after_last_feed(stream, end), False)
        if start == end == size:
            return
        stream.seek(start)
        torn = stream.read(min(end - start, _MOST_TORN))
        keep, more = end, b""
        if torn and not within_quotes and is_complete(torn):
            more = b"\n"
        elif within_quotes and b"\n" in torn.rstrip(b"\r\n"):
            # Complete rows may follow an unclosed quote: it is closed, nothing is removed.
            more = _ending(torn)
            _log.warning("%s: a quote is not closed before %d bytes of rows, which are kept", path, end - start)
        elif torn:
            keep = start
            _log.warning("%s: its last row was incomplete and is removed: %s", path, _shown(torn))
        if end < size:
            _log.warning("%s: ended in %d NUL bytes, which are removed", path, size - end)
        stream.truncate(keep)
        if more:
            stream.seek(keep)
            stream.write(more)


def _ending(torn: bytes) -> bytes:
    """The ending after which a CSV reader finds the next row."""
    text = torn.decode("utf-8", "replace")
    for ending in ("", "\n", '"\n'):
        with contextlib.suppress(csv.Error):
            if list(csv.reader(io.StringIO(f"{text}{ending}next\n", newline="")))[-1] == ["next"]:
                return ending.encode()
    return b'"\n'


def _shown(data: bytes) -> str:
    return repr(data[:_SHOWN].decode("utf-8", "replace")) + ("..." if len(data) > _SHOWN else "")


def _without_nul(stream: BinaryIO, size: int) -> int:
    """The position where trailing NULs begin."""
    end = size
    while end:
        begin = max(0, end - _CHUNK)
        stream.seek(begin)
        left = len(stream.read(end - begin).rstrip(b"\0"))
        if left:
            return begin + left
        end = begin
    return 0


def _after_last_feed(stream: BinaryIO, end: int) -> int:
    while end:
        begin = max(0, end - _CHUNK)
        stream.seek(begin)
        found = stream.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _last_row(stream: BinaryIO, end: int) -> tuple[int, bool]:
    """Where the unterminated row begins, and whether a quote is open in it."""
    stream.seek(0)
    at = start = 0
    within = False
    while at < end and (line := stream.readline(end - at)):
        at += len(line)
        within ^= bool(line.count(b'"') & 1)
        if line.endswith(b"\n") and not within:
            start = at
    return start, within
