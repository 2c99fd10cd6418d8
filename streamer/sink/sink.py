"""The interface of all sinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from streamer.config.delivery import DeliveryConfig
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamOpened,
    Tick,
    TrackRejected,
    TrackView,
    WatchHit,
)
from streamer.source.source import StreamInfo
from streamer.types import Frame, Passage, Plates, Reading, Rejection


@dataclass(frozen=True)
class Wants:
    """The events that a sink is given, by type.

    `every_frame`: a FrameSeen for every frame; otherwise only for those that the detector ran on. `crops`, `snapshots`:
    passages carry the picture of the plate, the whole frame; both are None for other sinks. `posteriors`: passages
    carry the fused distributions.
    """

    events: frozenset[type[Event]] = frozenset({PassageFinal})
    every_frame: bool = True
    crops: bool = False
    snapshots: bool = False
    posteriors: bool = False

    def matches(self, event: Event) -> bool:
        """Whether the sink wants this event."""
        if isinstance(event, FrameSeen) and event.found is None and not self.every_frame:
            return False
        return type(event) in self.events

    def __or__(self, other: Wants) -> Wants:
        """What either of the two wants."""
        every = any(w.every_frame and FrameSeen in w.events for w in (self, other))
        return Wants(
            self.events | other.events,
            every,
            self.crops or other.crops,
            self.snapshots or other.snapshots,
            self.posteriors or other.posteriors,
        )


@runtime_checkable
class Sink(Protocol):
    """Receives the events of a run. Its constructor checks that the output can be written; OutputError otherwise.

    A stream begins with StreamOpened. Events arrive one at a time, those of a stream in order, in a thread of the
    sink's own (delivery.py). `close` completes the output, also after errors, and may be called twice. A sink that
    wraps another forwards `wants` and `write`.
    """

    @property
    def wants(self) -> Wants: ...

    def write(self, event: Event) -> None:
        """Writes one event. An exception means that it was not written; the call may be repeated."""

    def close(self) -> None: ...


def name_of(sink: Sink) -> str:
    """The name of a sink in logs and metrics: its own, or that of its class."""
    name = getattr(sink, "name", None)
    return name if isinstance(name, str) and name else type(sink).__name__


# The events that each hook of BaseSink is called for; with `needs_frames`, `frame` is called for FrameSeen, too.
_HOOKS: dict[str, frozenset[type[Event]]] = {
    "begin": frozenset({StreamOpened}),
    "seen": frozenset({FrameSeen}),
    "passage": frozenset({PassageFinal}),
    "provisional": frozenset({PassageProvisional, PassageWithdrawn}),
    "rejection": frozenset({TrackRejected}),
    "waiting": frozenset({PassagesWaiting}),
    "watched": frozenset({WatchHit}),
    "tick": frozenset({Tick}),
}


class BaseSink:
    """A sink that does nothing: override the hooks that matter; `wants` follows from those that are overridden."""

    needs_frames = False  # whether `frame` is called for every frame; true in a class that overrides it
    wants_crops = False
    wants_snapshots = False
    wants_posteriors = False
    delivery: DeliveryConfig | None = None  # how rows and frames reach it, where that is configured
    _hooked: ClassVar[frozenset[type[Event]]] = frozenset()

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for base in (b for b in cls.__mro__ if issubclass(b, BaseSink) and b is not BaseSink):
            for hook, events in _HOOKS.items():
                if hook in vars(base):
                    cls._hooked |= events
        if "frame" in vars(cls) and "needs_frames" not in vars(cls):
            cls.needs_frames = True

    @property
    def wants(self) -> Wants:
        frames: frozenset[type[Event]] = frozenset({FrameSeen}) if self.needs_frames else frozenset()
        return Wants(
            self._hooked | frames, self.needs_frames, self.wants_crops, self.wants_snapshots, self.wants_posteriors
        )

    @property
    def name(self) -> str:
        """The name in logs and metrics."""
        return type(self).__name__.removesuffix("Sink").lower() or "sink"

    def write(self, event: Event) -> None:
        """Calls the hook of the event."""
        match event:
            case PassageFinal():
                self.passage(event.passage)
            case FrameSeen():
                if event.found is not None:
                    self.seen(event.frame, event.found, dict(event.readings))
                if self.needs_frames:
                    self.frame(event.frame, event.kept, event.tracks)
            case StreamOpened():
                self.begin(event.info)
            case PassageProvisional():
                self.provisional(event.passage)
            case PassageWithdrawn():
                self.provisional(event.passage, withdrawn=True)
            case TrackRejected():
                self.rejection(event.rejection)
            case PassagesWaiting():
                self.waiting(event.stream, event.passages)
            case WatchHit():
                self.watched(event)
            case Tick():
                self.tick()

    def begin(self, info: StreamInfo) -> None:
        """A stream begins; called once for each source, before its first frame."""

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        """One frame with its detections and the tracks that were hit in it."""

    def seen(self, frame: Frame, plates: Plates, readings: dict[int, Reading]) -> None:
        """All detections in a frame, and the readings of some, by row of `plates`."""

    def passage(self, passage: Passage) -> None:
        """One final row."""

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        """The row of a living track as it would be now, whenever its text changes. `withdrawn`: the track ended without
        a row."""

    def rejection(self, rejection: Rejection) -> None:
        """A track that ended without a row, and why."""

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        """The rows of a live camera that are not final yet, whenever they change; none at first."""

    def watched(self, hit: WatchHit) -> None:
        """A passage that a list of plates reports."""

    def tick(self) -> None:
        """Called about once a second for cameras."""

    def close(self) -> None:
        """Nothing to close."""

    def result(self) -> str:
        """What was written, and where; empty for nothing."""
        return ""
