"""The one interface of all sinks, and the opening of output files."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from streamer.errors import OutputError
from streamer.sink.events import TrackView
from streamer.sink.guard import check_no_input
from streamer.source.base import StreamInfo
from streamer.types import Frame, Passage, Plates, Reading, Rejection


class Sink(Protocol):
    """Takes what a run finds. Constructing one proves that its output can be written; OutputError says why not.

    A sink whose `needs_frames` is true gets every frame and works in a thread of its own; the others see passages only,
    so that no full picture has to be made for them. `close` leaves a whole output, whatever came before, and may be
    called twice.
    """

    needs_frames: bool

    def begin(self, info: StreamInfo) -> None:
        """A stream begins; called once for each source, before its first frame."""

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        """One frame with what was detected in it, and the tracks that were hit in it."""

    def seen(self, frame: Frame, plates: Plates, readings: dict[int, Reading]) -> None:
        """Detections and readings of a frame: all plates found, and what was read of some, by row of `plates`."""

    def passage(self, passage: Passage) -> None:
        """One final row."""

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        """The row of a living track as it would be now: sent when its text changes. `withdrawn`: it was sent, and
        the track ended without a row."""

    def rejection(self, rejection: Rejection) -> None:
        """A track that ended without a row, and why."""

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        """The rows of a live camera that are not final yet, whenever they are others than before; none at first."""

    def tick(self) -> None:
        """Called about once a second."""

    def close(self) -> None: ...


class BaseSink:
    """A sink that does nothing: override what matters."""

    needs_frames = False

    def begin(self, info: StreamInfo) -> None:
        """A stream begins."""

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        """One frame."""

    def seen(self, frame: Frame, plates: Plates, readings: dict[int, Reading]) -> None:
        """Detections and readings of a frame."""

    def passage(self, passage: Passage) -> None:
        """One final row."""

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        """A row that may change yet."""

    def rejection(self, rejection: Rejection) -> None:
        """A track that ended without a row, and why."""

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        """Rows that are not final yet."""

    def tick(self) -> None:
        """Some time went by."""

    def close(self) -> None:
        """Nothing to close."""

    def result(self) -> str:
        """What was written, and where; empty where nothing is."""
        return ""


@contextmanager
def output_errors(path: str | Path) -> Iterator[None]:
    """Turns an OSError inside into an OutputError that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and descriptor_of(Path(path)) == 1:
            raise  # who reads our standard output has seen enough
        raise OutputError(f"{path}: cannot be written ({_reason(error)}): {_remedy(error)}", at=path) from None


def open_output(path: Path, *, append: bool = False, later: bool = False) -> io.FileIO:
    """The file, unbuffered and empty (or at its end; or, for `later`, as it is until `empty`), its folders made.

    `-` and /dev/stdout are standard output, and /dev/fd/N is what this process has open there: as it was opened, so
    that nothing in it is emptied. OutputError where it cannot be written.
    """
    check_no_input(path)
    with output_errors(path):
        number = descriptor_of(path)
        if number is not None:
            return InheritedStream(os.dup(number), "w")
        path.parent.mkdir(parents=True, exist_ok=True)
        return io.FileIO(path, "a" if append else "w", opener=_as_it_is if later else None)


def empty(stream: io.FileIO) -> None:
    """Empties a file that was opened for `later`: the run has begun to read, and replaces what an earlier one wrote."""
    if not isinstance(stream, InheritedStream) and stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.truncate(0)


def _as_it_is(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_TRUNC, 0o666)


class InheritedStream(io.FileIO):
    """A file that somebody else opened: what is in it, and where, is not ours to alter."""


def descriptor_of(path: Path) -> int | None:
    """The number of the open file that a path stands for, None for an ordinary path."""
    text = str(path)
    if text in ("-", "/dev/stdout"):
        return 1
    if text == "/dev/stderr":
        return 2
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", text)
    return int(found.group(1)) if found else None


def write_whole(stream: io.FileIO, data: bytes) -> None:
    """Writes all of `data` (a raw file may take a part of it at a time), or nothing where the file can be cut back."""
    before = _position(stream)
    view = memoryview(data)
    try:
        while view:
            view = view[stream.write(view) or 0 :]
    except OSError:
        if before is not None:
            with suppress(OSError):
                stream.truncate(before)
                stream.seek(before)  # or the next row would begin after a gap of zeros
        raise


def _position(stream: io.FileIO) -> int | None:
    """Where the next byte goes; None where what follows cannot be cut off again."""
    if isinstance(stream, InheritedStream) or not stream.seekable():
        return None
    return os.fstat(stream.fileno()).st_size if "a" in stream.mode else stream.tell()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, what was written so far is whole"
    if error.errno == errno.EISDIR:
        return "it is a folder, give the name of a file"
    return "give a path in a folder you may write to"
