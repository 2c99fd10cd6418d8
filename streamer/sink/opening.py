"""Opening and writing output files, and errors that name the file and a remedy."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamer.errors import OutputError
from streamer.sink.guard import check_no_input


@contextmanager
def output_errors(path: str | Path) -> Iterator[None]:
    """Turns an OSError inside into an OutputError that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and descriptor_of(Path(path)) == 1:
            raise  # the reader of our standard output has gone
        raise OutputError(f"{path}: cannot be written ({_reason(error)}): {_remedy(error)}", at=path) from None


def open_output(path: Path, *, append: bool = False, later: bool = False) -> io.FileIO:
    """Opens the file, unbuffered: empty, at its end (`append`), or unchanged until `empty` is called (`later`). Creates
    its folders.

    `-` and /dev/stdout are standard output, and /dev/fd/N is the open file with that number; neither is truncated.
    OutputError where it cannot be written.
    """
    check_no_input(path)
    with output_errors(path):
        number = descriptor_of(path)
        if number is not None:
            return InheritedStream(os.dup(number), "w")
        path.parent.mkdir(parents=True, exist_ok=True)
        return io.FileIO(path, "a" if append else "w", opener=_without_truncation if later else None)


def empty(stream: io.FileIO) -> None:
    """Empties a file opened for `later`: once the run reads its source, it replaces an earlier run's output."""
    if not isinstance(stream, InheritedStream) and stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.truncate(0)


def _without_truncation(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_TRUNC, 0o666)


class InheritedStream(io.FileIO):
    """A file that was opened by the parent process: it is never truncated or repositioned."""


def descriptor_of(path: Path) -> int | None:
    """The file descriptor that a path names, None for an ordinary path."""
    text = str(path)
    if text in ("-", "/dev/stdout"):
        return 1
    if text == "/dev/stderr":
        return 2
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", text)
    return int(found.group(1)) if found else None


def write_whole(stream: io.FileIO, data: bytes) -> None:
    """Writes all of `data` (a raw file may write only a part at once), or nothing where the file can be truncated."""
    before = _position(stream)
    view = memoryview(data)
    try:
        while view:
            view = view[stream.write(view) or 0 :]
    except OSError:
        if before is not None:
            with suppress(OSError):
                stream.truncate(before)
                stream.seek(before)  # otherwise the next row would follow a gap of zeros
        raise


def _position(stream: io.FileIO) -> int | None:
    """The position of the next byte; None where the file cannot be truncated."""
    if isinstance(stream, InheritedStream) or not stream.seekable():
        return None
    return os.fstat(stream.fileno()).st_size if "a" in stream.mode else stream.tell()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space; what was written so far is complete"
    if error.errno == errno.EISDIR:
        return "it is a folder, give the name of a file"
    return "give a path in a folder you may write to"


def write_atomically(path: Path, data: bytes) -> str:
    """Writes a whole file or none, and gives its SHA-256. OutputError where it cannot."""
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    return hashlib.sha256(data).hexdigest()
