"""The interface of all sources, and the properties of a stream that are known before its first frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

from streamer.types import Frame


@dataclass(frozen=True)
class StreamInfo:
    """Properties of an opened stream. Sizes are upright (rotation applied).

    `name`: its camera name in rows unless one is given. `time_base`: seconds per tick; every frame's `pts` is a whole
    number of ticks. `rate`: declared frames per second, None where unknown or variable without a mean. `frames`:
    expected number, for a progress bar only. `live`: it cannot wait; old frames are dropped. `still`: a single picture.
    `identity`: identifies a recording, the same whenever it is read; empty for a camera. `events`: the basis of its
    event ids, filled in by the run. `address`: the file or address it comes from, without a password.
    """

    name: str
    width: int
    height: int
    time_base: Fraction = Fraction(1, 90000)
    rate: Fraction | None = None
    frames: int | None = None
    live: bool = False
    still: bool = False
    sample_aspect: Fraction = Fraction(1)
    identity: str = ""
    events: str = ""
    address: str = ""


class Source(Protocol):
    """A stream of frames. Opened once, read once, then closed (which never raises).

    `frames` may raise InputError after the last good frame: everything yielded before it is valid. `warnings` collects
    one-line notes on faults that were survived.
    """

    name: str
    live: bool
    warnings: list[str]

    def open(self) -> StreamInfo: ...

    def frames(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


@runtime_checkable
class Repeatable(Source, Protocol):
    """A source that can be read from its beginning again."""

    def again(self) -> Repeatable:
        """A fresh source of the same address."""


@runtime_checkable
class Reopening(Source, Protocol):
    """A source that can be opened again after it failed, as every live source must be."""

    def again(self) -> Reopening:
        """A fresh source of the same address."""

    @property
    def finite(self) -> bool:
        """Whether its end is a regular end and not a fault; known once it is open."""


def choose_decoder(sources: Iterable[object], decode: str) -> None:
    """Sets where sources decode that can do it on hardware and were not told (RunConfig.decode)."""
    for source in sources:
        if getattr(source, "decode", "") is None:
            source.decode = decode  # type: ignore[attr-defined]


def cap_threads(parts: Iterable[object], threads: int | None) -> None:
    """Limits the threads of sources and sinks that decode or encode and have no limit of their own (None: FFmpeg
    decides)."""
    for part in parts:
        if getattr(part, "threads", 0) is None:
            part.threads = threads  # type: ignore[attr-defined]
