"""Events of a stream: made by the pipeline, written by sinks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from streamer.source.source import StreamInfo
from streamer.types import FloatArray, Frame, Passage, Plates, Reading, Rejection, WatchMatch


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
    """Base of all events; `stream`: the stream's name (the camera's, as in the rows)."""

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
    zones; `readings`: by row of `found`; `tracks`: those hit in this frame, or at their predicted boxes where the
    detector did not run; `missed`: living ones that it did not find, at their predicted boxes. `may_skip`: a sink that
    cannot keep up may skip it (live streams).
    """

    frame: Frame
    found: Plates | None
    kept: Plates
    readings: Mapping[int, Reading] = field(default_factory=dict)
    tracks: tuple[TrackView, ...] = ()
    missed: tuple[TrackView, ...] = ()
    may_skip: bool = False


@dataclass(frozen=True)
class PassageFinal(Event):
    """A final row."""

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
class WatchHit(Event):
    """A passage that a list of plates reports; `revision` counts from 1 for each event id and list.

    `status`: of a living track (`provisional`), of a final row, or `withdrawn`: what was reported before no longer
    holds. A final row that several tracks were joined to names their event ids in `passage.parts`."""

    match: WatchMatch
    passage: Passage
    status: Literal["provisional", "final", "withdrawn"] = "final"
    revision: int = 1


@dataclass(frozen=True)
class PassagesWaiting(Event):
    """The rows of a live camera that are not final yet, whenever they change."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class TrackRejected(Event):
    """A track that ended without a row, and why."""

    rejection: Rejection


@dataclass(frozen=True)
class HealthChanged(Event):
    """A camera was connected (`up`), or lost for another reason than before (`reason`: the kind of fault, see
    source/faults.py). A camera that does not answer at the start is lost before its stream is opened."""

    up: bool
    reason: str = ""


@dataclass(frozen=True)
class Tick(Event):
    """Sent about once a second; `stream` is empty."""
