"""One file of rows: opened for appending and locked, so that two runs never write into each other's rows; noticed when
it is moved away, deleted or emptied by somebody else."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamer.errors import OutputError
from streamer.sink.base import InheritedStream, open_output, output_errors, write_whole

try:
    import fcntl
except ImportError:  # Windows: no such lock there, appending still keeps rows whole
    fcntl = None  # type: ignore[assignment]


def as_it_is(row: bytes) -> bytes:
    return row


@dataclass(frozen=True)
class Form:
    """What files of rows look like. `header` begins each; `look` mends one that is there already before it is appended
    to, and gives the function that brings a row into its form, or raises ConfigError."""

    header: bytes = b""
    look: Callable[[Path], Callable[[bytes], bytes]] = lambda path: as_it_is


@dataclass
class Part:
    """An open file: the name that the template gave, and which part of it this is. `earlier`: it still holds the rows
    of an earlier run, to be replaced when this one begins."""

    named: Path
    number: int
    path: Path
    stream: io.FileIO
    form: Form
    fit: Callable[[bytes], bytes] = as_it_is
    earlier: bool = False

    def begin(self) -> None:
        """Empties the file of an earlier run's rows."""
        if self.earlier:
            with output_errors(self.path):
                self.stream.truncate(0)
                self.earlier = False
                write_whole(self.stream, self.form.header)

    def write(self, row: bytes, *, sync: bool) -> None:
        with output_errors(self.path):
            if self.size() == 0:  # also where somebody else emptied it
                self.fit = as_it_is
                row = self.form.header + row
            write_whole(self.stream, self.fit(row))
            if sync and not isinstance(self.stream, InheritedStream) and self.stream.seekable():
                os.fsync(self.stream.fileno())

    def size(self) -> int:
        """In bytes; 1 where it is no ordinary file."""
        found = os.fstat(self.stream.fileno())
        return found.st_size if stat.S_ISREG(found.st_mode) else 1

    def gone(self) -> bool:
        """Whether the path is another file by now, or none."""
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
    """Opens the file. Without `append` it is emptied, where the run has `started`, or else when it begins."""
    stream = open_output(path, append=True)
    part = Part(named, number, path, stream, form)
    try:
        _lock(path, stream)
        ours = stat.S_ISREG(os.fstat(stream.fileno()).st_mode) and not isinstance(stream, InheritedStream)
        if append and ours and part.size():
            with output_errors(path):
                part.fit = form.look(path)
        elif ours and part.size():
            part.earlier = True
        if part.earlier:
            if started:
                part.begin()
        elif form.header and (not ours or not part.size()) and not (append and _holds(stream)):
            with output_errors(path):
                write_whole(stream, form.header)
    except BaseException:
        stream.close()
        raise
    return part


def _holds(stream: io.FileIO) -> bool:
    """Whether something is in it already: what is appended to has its header."""
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
        # A network file system without locks: rows are still appended whole.
