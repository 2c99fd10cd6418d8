"""What happens in a stream, as values: the pipeline makes them, sinks are written them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamer.source.base import StreamInfo
from streamer.types import FloatArray, Frame, Passage, Plates, Reading, Rejection


@dataclass(frozen=True, eq=False)
class TrackView:
    """A living track in one frame. `box_xyxy` (4,), `quad` (4, 2) in frame_xy; `text`: the vote so far."""

    id: int
    box_xyxy: FloatArray
    quad: FloatArray
    text: str
    confidence: float
    score: float = 1.0  # the detector's


@dataclass(frozen=True)
class Event:
    """Something that happened in the stream of that name (the camera's, as in the rows)."""

    stream: str


@dataclass(frozen=True)
class StreamOpened(Event):
    """A stream begins; once for each source, before its first frame. A camera that reconnects is not opened again."""

    info: StreamInfo


@dataclass(frozen=True)
class StreamClosed(Event):
    """The last event of a stream."""


@dataclass(frozen=True, eq=False)
class FrameSeen(Event):
    """One frame, after its tracks were updated.

    `found`: all plates detected in it, None where the detector did not run on it; `kept`: those of them inside the
    zones; `readings`: what was read of some, by row of `found`; `tracks`: those hit in this frame, or where they are
    expected where the detector did not run. `may_skip`: a sink that is behind may leave it out (live streams).
    """

    frame: Frame
    found: Plates | None
    kept: Plates
    readings: Mapping[int, Reading] = field(default_factory=dict)
    tracks: tuple[TrackView, ...] = ()
    may_skip: bool = False


@dataclass(frozen=True)
class PassageFinal(Event):
    """A row that will not change any more."""

    passage: Passage


@dataclass(frozen=True)
class PassageProvisional(Event):
    """The row of a living track as it would be now; `revision` counts from 1 for each event id."""

    passage: Passage
    revision: int = 1


@dataclass(frozen=True)
class PassageWithdrawn(Event):
    """A provisional row whose track ended without one."""

    passage: Passage
    revision: int = 1


@dataclass(frozen=True)
class PassagesWaiting(Event):
    """The rows of a live camera that are not final yet, whenever they are others than before."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class TrackRejected(Event):
    """A track that ended without a row, and why."""

    rejection: Rejection


@dataclass(frozen=True)
class HealthChanged(Event):
    """A camera was connected, or lost for another reason than before: `up`, and the kind of fault where it is not (see
    source/faults.py). One that does not answer at the start is lost before its stream is opened."""

    up: bool
    reason: str = ""


@dataclass(frozen=True)
class Tick(Event):
    """About a second went by; `stream` is empty."""
