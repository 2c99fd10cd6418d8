"""One file of rows: opened for appending and locked, so that two runs never mix their rows. Detects that another
process moved, deleted or emptied it."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamer.errors import OutputError
from streamer.sink.opening import InheritedStream, open_output, output_errors, write_whole

try:
    import fcntl
except ImportError:  # Windows has no such lock; appended rows are still complete
    fcntl = None  # type: ignore[assignment]


def unchanged(row: bytes) -> bytes:
    return row


@dataclass(frozen=True)
class Form:
    """The format of row files. `header` begins each; `prepare` repairs an existing file before it is appended to, and
    returns the function that adapts a row to its columns, or raises ConfigError."""

    header: bytes = b""
    prepare: Callable[[Path], Callable[[bytes], bytes]] = lambda path: unchanged


@dataclass
class Part:
    """An open file: `named`, the name by the template, and `number`, which part of it this is. `earlier`: it still
    contains the rows of an earlier run, to be replaced when this one begins."""

    named: Path
    number: int
    path: Path
    stream: io.FileIO
    form: Form
    adapt: Callable[[bytes], bytes] = unchanged
    earlier: bool = False

    def begin(self) -> None:
        """Removes an earlier run's rows."""
        if self.earlier:
            with output_errors(self.path):
                self.stream.truncate(0)
                self.earlier = False
                write_whole(self.stream, self.form.header)

    def write(self, row: bytes, *, sync: bool) -> None:
        with output_errors(self.path):
            if self.size() == 0:  # also where another process emptied it
                self.adapt = unchanged
                row = self.form.header + row
            write_whole(self.stream, self.adapt(row))
            if sync and not isinstance(self.stream, InheritedStream) and self.stream.seekable():
                os.fsync(self.stream.fileno())

    def size(self) -> int:
        """Its size in bytes; 1 where it is no regular file."""
        found = os.fstat(self.stream.fileno())
        return found.st_size if stat.S_ISREG(found.st_mode) else 1

    def was_moved(self) -> bool:
        """Whether its path is another file now, or none."""
        if isinstance(self.stream, InheritedStream):
            return False
        mine = os.fstat(self.stream.fileno())
        if not stat.S_ISREG(mine.st_mode):
            return False
        try:
            return not os.path.samestat(self.path.stat(), mine)
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        with output_errors(self.path):
            self.stream.close()


def open_part(named: Path, number: int, path: Path, form: Form, *, append: bool, started: bool) -> Part:
    """Opens the file. Without `append` it is emptied: at once where the run has `started`, else when it begins."""
    stream = open_output(path, append=True)
    part = Part(named, number, path, stream, form)
    try:
        _lock(path, stream)
        regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode) and not isinstance(stream, InheritedStream)
        if append and regular and part.size():
            with output_errors(path):
                part.adapt = form.prepare(path)
        elif regular and part.size():
            part.earlier = True
        if part.earlier:
            if started:
                part.begin()
        elif form.header and (not regular or not part.size()) and not (append and _has_rows(stream)):
            with output_errors(path):
                write_whole(stream, form.header)
    except BaseException:
        stream.close()
        raise
    return part


def _has_rows(stream: io.FileIO) -> bool:
    """Whether the file has content, so that a header is in it."""
    found = os.fstat(stream.fileno())
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


def _lock(path: Path, stream: io.FileIO) -> None:
    if fcntl is None or isinstance(stream, InheritedStream) or not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise OutputError(
                f"{path}: another run is writing to it: give each run a file of its own, or wait until that one ends",
                at=path,
            ) from None
        # A network file system without locks: appended rows are still complete.
