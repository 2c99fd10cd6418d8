"""The one interface of all sources, and what is known of a stream before its first frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

from streamer.types import Frame


@dataclass(frozen=True)
class StreamInfo:
    """One stream as it was opened. Sizes are upright (rotation applied).

    `name`: what rows call it unless a camera name is given. `time_base`: seconds a tick, every frame's `pts` is a whole
    number of ticks. `rate`: frames a second as declared, None where unknown or variable without a mean. `frames`: how
    many are expected, for a progress bar only. `live`: cannot wait; the newest frame wins. `still`: one picture, no
    stream. `identity`: which recording it is, the same whenever it is read and another for every other; empty for a
    camera, each connection of which is another. `events`: what the ids of its events are made from, filled in by the
    run. `address`: the file or address it comes from, without a password.
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
    one-line notes on what was met and survived.
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
    """A source that can be opened again after it broke, as every live one must be."""

    def again(self) -> Reopening:
        """A fresh source of the same address."""

    @property
    def finite(self) -> bool:
        """Whether its end is an end and no fault; known once it was opened."""


def cap_threads(parts: Iterable[object], threads: int | None) -> None:
    """Has those sources and sinks that decode or encode, and were not told otherwise, do it in so many threads at most
    (None: as many as FFmpeg finds right)."""
    for part in parts:
        if getattr(part, "threads", 0) is None:
            part.threads = threads  # type: ignore[attr-defined]
