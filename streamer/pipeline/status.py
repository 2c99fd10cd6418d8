"""The current state of a run's streams, and a log line about each once a minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamer.pipeline.overload import Overload
from streamer.process.camera_log import camera_field
from streamer.process.clock import Clock, SystemClock
from streamer.sink.delivery import Delivery
from streamer.sink.events import TrackView
from streamer.sink.sink import Sink
from streamer.source.health import Health
from streamer.types import Frame, RunSummary

EVERY_S = 60.0


@dataclass
class Pulse:
    """Shows that the loop of a stream turns. `turns`: frames taken, and of a camera also the moments without one;
    `waiting`: it waits for a file's next frame; `ended`: it has left its loop."""

    turns: int = 0
    waiting: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Watched:
    """One stream: its counts, the health of its connection (None for a file), and its pulse."""

    name: str
    parts: tuple[RunSummary, ...]
    health: Health | None
    pulse: Pulse = field(default_factory=Pulse)

    @property
    def summary(self) -> RunSummary:
        """Its counts so far, over all files of its name."""
        total = RunSummary()
        for part in self.parts:
            total.add(part)
        return total


class Viewer(Protocol):
    """Who looks at frames of a stream now and then (the page). Asked for every frame, in the stream's thread: neither
    call may take long."""

    def wants(self, stream: str) -> bool: ...

    def put(self, stream: str, frame: Frame, tracks: Sequence[TrackView]) -> None: ...


class Streams:
    """The streams and outputs of a run; each stream registers once. `onlookers`: sinks beside the outputs that were
    asked for; `viewer`: who looks at frames."""

    def __init__(self) -> None:
        self._streams: dict[str, Watched] = {}
        self.deliveries: list[Delivery] = []
        self.overload: Overload | None = None  # of its cameras
        self.onlookers: list[Sink] = []
        self.viewer: Viewer | None = None

    def watch(self, name: str, summary: RunSummary, health: Health | None = None) -> Pulse:
        """Registers a stream, or another file of the same name; the stream itself keeps the pulse that is returned."""
        earlier = self._streams[name].parts if name in self._streams else ()
        self._streams[name] = watched = Watched(name, (*earlier, summary), health)
        return watched.pulse

    def add_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Registers the queues of outputs."""
        self.deliveries += deliveries

    def forget(self, name: str, deliveries: Sequence[Delivery] = ()) -> None:
        """A stream that is read no more, and its own outputs."""
        self._streams.pop(name, None)
        self.deliveries = [one for one in self.deliveries if one not in deliveries]

    def has(self, name: str) -> bool:
        """Whether a stream of that name was registered."""
        return name in self._streams

    @property
    def watched(self) -> list[Watched]:
        return list(self._streams.values())


class StatusLines:
    """Logs a line about each camera, and one about all where there are several, once a minute."""

    def __init__(self, streams: Streams, log: Callable[[str], None], clock: Clock | None = None) -> None:
        self._streams, self._log, self._clock = streams, log, clock or SystemClock()
        self._logged_at = self._clock.monotonic()
        self._before: dict[str, tuple[int, int]] = {}  # frames and drops by then

    def tick(self) -> None:
        """Logs where a minute has passed; may be called at any rate."""
        now = self._clock.monotonic()
        seconds = now - self._logged_at
        if seconds < EVERY_S:
            return
        self._logged_at = now
        cameras = [w for w in self._streams.watched if w.health is not None]
        rates = [self._line(w, w.health, seconds, now) for w in cameras if w.health is not None]
        if len(cameras) > 1:
            total = RunSummary()
            for w in cameras:
                total.add(w.summary)
            self._log(f"cameras={len(cameras)} {sum(rates):.1f} frames/s, {plates_and_rows(total)}")

    def _line(self, w: Watched, health: Health, seconds: float, now: float) -> float:
        """Logs the state of one camera; returns its frames per second."""
        frames, dropped = self._before.get(w.name, (0, 0))
        summary = w.summary
        self._before[w.name] = summary.frames, health.dropped
        rate = (summary.frames - frames) / seconds
        parts = [f"{rate:.1f} frames/s", plates_and_rows(summary)]
        if summary.passages:
            parts.append(f"{summary.reads / summary.passages:.1f} reads per row")
        ages = quantiles(list(health.delays))
        if ages:
            parts.append(f"frame age {1e3 * ages['0.5']:.0f} ms (99 %: {1e3 * ages['0.99']:.0f})")
        if health.wakes or health.asleep:
            state = "asleep" if health.asleep else "awake"
            parts.append(f"{state}, woke up {sum(health.wakes.values())} times, {health.slept} frames not decoded")
        if health.input_px not in (0, 640):
            parts.append(f"input {health.input_px} px")
        if self._streams.overload is not None and (relief := str(self._streams.overload.relief(w.name))):
            parts.append(f"overload: {relief}")
        if health.dropped > dropped:
            parts.append(f"{health.dropped - dropped} dropped")
        if health.last is None or now - health.last > 1:
            parts.append("no frame yet" if health.last is None else f"no frame for {now - health.last:.0f} s")
        if health.reconnects:
            parts.append(f"reconnected {health.reconnects} times ({health.fault_counts})")
        self._log(f"{camera_field(w.name)} {', '.join(parts)}")
        return rate


def plates_and_rows(summary: RunSummary) -> str:
    """Vehicles so far, including those whose rows are not final yet, and the final rows."""
    plates = summary.passages + summary.waiting
    return f"{plates} plate{'s' if plates != 1 else ''}, {summary.passages} final"


def quantiles(values: list[float]) -> dict[str, float]:
    """The median and the 99th percentile; empty for no values."""
    ordered = sorted(values)
    return {name: ordered[int(float(name) * (len(ordered) - 1))] for name in ("0.5", "0.99")} if ordered else {}
