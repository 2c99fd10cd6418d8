"""Video through a pipe: standard input and named pipes."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO

from streamer.errors import InputError

_STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_HEAD, _LEAST = 1 << 16, 1 << 10
_SPARE = 256 << 20  # bytes of the disk that are left free
_PIECE = 1 << 20


def is_stdin(address: str) -> bool:
    return address in _STDIN


def is_pipe(address: str) -> bool:
    """Whether it can be read only once, from beginning to end."""
    if is_stdin(address):
        return True
    try:
        return Path(address).is_fifo()
    except (OSError, ValueError):
        return False


def open_pipe(address: str, name: str) -> tuple[IO[bytes] | Piped, bytes]:
    """The stream to read and its first bytes. A file that cannot be read sequentially is copied to a temporary file
    first; InputError where there is no data, or too much."""
    try:
        number = os.dup(0) if is_stdin(address) else os.open(address, os.O_RDONLY)
        kind = os.fstat(number).st_mode
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}): send a video through the pipe", at=name) from None
    raw = os.fdopen(number, "rb", buffering=0)
    if raw.isatty():
        raw.close()
        raise InputError(
            f"{name}: is a terminal: send a video through a pipe, as in: cat video.ts | alpr run -", at=name
        )
    if stat.S_ISREG(kind) and raw.seekable():
        head = raw.read(_HEAD)
        raw.seek(0)
        return _not_empty(raw, head, name), head
    piped = Piped(raw)
    head = piped.head
    _not_empty(piped, head, name)
    if _index_at_end(head):
        return _copied(piped, name), head
    return piped, head


class Piped:
    """A pipe whose first bytes were read ahead."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.head = b""
        while len(self.head) < _LEAST and (
            more := raw.read(_HEAD)
        ):  # no more than needed: a slow sender would block the run
            self.head += more
        self._rest = self.head

    def read(self, size: int) -> bytes:
        if self._rest:
            taken, self._rest = self._rest[:size], self._rest[size:]
            return taken
        return self._raw.read(size) or b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()


def _not_empty(stream: IO[bytes] | Piped, head: bytes, name: str) -> IO[bytes] | Piped:
    if not head:
        stream.close()
        raise InputError(f"{name}: is empty (0 bytes): the sending program failed", at=name)
    return stream


def _index_at_end(head: bytes) -> bool:
    """Whether it is an MP4 or MOV with its index at the end."""
    at = 0
    while at + 8 <= len(head):
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if kind == b"mdat":
            return True
        if kind not in (b"ftyp", b"free", b"skip", b"wide", b"uuid", b"pnot", b"styp") or size < 8:
            return False
        at += size
    return False


def _copied(piped: Piped, name: str) -> IO[bytes]:
    """Copies the pipe to a temporary file that is deleted when closed."""
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - the source closes it
    try:
        room = shutil.disk_usage(tempfile.gettempdir()).free - _SPARE
        written = 0
        while piece := piped.read(_PIECE):
            written += len(piece)
            if written > room:
                raise OSError(28, "no space left")
            kept.write(piece)
    except OSError as error:
        kept.close()
        raise InputError(
            f"{name}: has its index at the end and does not fit into {tempfile.gettempdir()} ({error.strerror}): give "
            "it as a file, set TMPDIR to a larger disk, or send it as MPEG-TS or Matroska",
            at=name,
        ) from None
    finally:
        piped.close()
    kept.seek(0)
    return kept
