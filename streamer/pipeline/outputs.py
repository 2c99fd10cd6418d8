"""All sinks of a run behind one door: events go in, each sink gets those that it wants, and one that fails leaves the
others alone."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from streamer.errors import OutputError
from streamer.sink.base import BaseSink, Sink
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamOpened,
    TrackRejected,
    TrackView,
)  # fmt: skip
from streamer.source.base import StreamInfo
from streamer.types import Frame, Passage, Plates, Reading, Rejection

_log = logging.getLogger(__name__)

_SINK_QUEUE = 4
_TICK_S = 1.0


class Outputs:
    """All sinks of a run. One that fails is left out from then on; `error` keeps the first failure."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._channels: list[_Channel] = [_Threaded(s) if s.needs_frames else _Channel(s) for s in sinks]
        self.error: BaseException | None = None
        self._ticked = 0.0
        self.wants_news = any(channel.wants_news for channel in self._channels)
        self.keeps = any(channel.keeps for channel in self._channels)
        self.shows = any(channel.needs_frames for channel in self._channels)
        self.wants_crops = any(getattr(sink, "wants_crops", False) for sink in sinks)
        self.wants_snapshots = any(getattr(sink, "wants_snapshots", False) for sink in sinks)

    def put(self, event: Event) -> None:
        """Hands an event to every sink that wants it."""
        match event:
            case StreamOpened():
                self.begin(event.info)
            case PassageFinal():
                self.passage(event.passage)
            case PassageProvisional():
                self.provisional(event.passage)
            case PassageWithdrawn():
                self.provisional(event.passage, withdrawn=True)
            case TrackRejected():
                self.rejection(event.rejection)
            case PassagesWaiting():
                self.waiting(event.stream, event.passages)
            case FrameSeen():
                if event.found is not None and self.keeps:
                    self.seen(event.frame, event.found, dict(event.readings))
                self.frame(event.frame, event.kept, list(event.tracks), wait=not event.may_skip)

    @property
    def all_failed(self) -> bool:
        return bool(self._channels) and all(channel.failed for channel in self._channels)

    def begin(self, info: StreamInfo) -> None:
        self._each(lambda channel: channel.send("begin", (info,), True))

    def frame(self, frame: Frame, plates: Plates, tracks: list[TrackView], *, wait: bool) -> None:
        self._each(
            lambda channel: channel.send("frame", (frame, plates, tracks), wait) if channel.needs_frames else None
        )

    def seen(self, frame: Frame, plates: Plates, readings: dict[int, Reading]) -> None:
        self._each(lambda channel: channel.send("seen", (frame, plates, readings), True) if channel.keeps else None)

    def passage(self, passage: Passage) -> None:
        self._each(lambda channel: channel.send("passage", (passage,), True))

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        self._each(lambda channel: channel.tell(passage, withdrawn) if channel.wants_news else None)

    def rejection(self, rejection: Rejection) -> None:
        self._each(lambda channel: channel.send("rejection", (rejection,), True))

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        """The rows of a camera that are not final yet."""
        self._each(lambda channel: channel.send("waiting", (camera, passages), True) if channel.holds else None)

    def tick(self) -> None:
        """Tells the sinks, at most once a second, that time goes on."""
        now = time.monotonic()
        if now - self._ticked >= _TICK_S:
            self._ticked = now
            self._each(lambda channel: channel.send("tick", (), False) if channel.ticks else None)

    def close(self) -> None:
        """Closes every sink, failed ones too."""
        for channel in self._channels:
            self._guard(channel, lambda c: c.close())

    def _each(self, action: Callable[[_Channel], None]) -> None:
        for channel in self._channels:
            if not channel.failed:
                self._guard(channel, action)

    def _guard(self, channel: _Channel, action: Callable[[_Channel], None]) -> None:
        try:
            action(channel)
        except Exception as error:
            channel.failed = True
            told = _output(error) if isinstance(error, OSError) else error
            if not self.all_failed:
                _log.warning("%s; the other outputs continue", told)
            self.error = self.error or told


def _output(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):  # who read our standard output has seen enough
        return error
    return OutputError(f"an output could not be written ({error}): free space or give another path")


class _Channel:
    """The way to a sink, called at once."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.needs_frames = sink.needs_frames
        self.wants_news = getattr(type(sink), "provisional", BaseSink.provisional) is not BaseSink.provisional
        self.keeps = getattr(type(sink), "seen", BaseSink.seen) is not BaseSink.seen
        self.ticks = getattr(type(sink), "tick", BaseSink.tick) is not BaseSink.tick
        self.holds = getattr(type(sink), "waiting", BaseSink.waiting) is not BaseSink.waiting
        self.failed = False

    def send(self, method: str, arguments: tuple[Any, ...], wait: bool) -> None:
        """Calls the sink's `method`; with `wait` false it may be skipped where the sink is behind."""
        getattr(self.sink, method)(*arguments)

    def tell(self, passage: Passage, withdrawn: bool) -> None:
        """A provisional row, at once: early rows are of no use late."""
        self.sink.provisional(passage, withdrawn=withdrawn)

    def close(self) -> None:
        self.sink.close()


class _Threaded(_Channel):
    """The way to a sink that draws: a bounded queue and a thread that empties it."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self._error: Exception | None = None
        self._queue: queue.Queue[tuple[str, tuple[Any, ...]] | None] = queue.Queue(_SINK_QUEUE)
        self._thread = threading.Thread(target=self._work, name=f"alpr-{type(sink).__name__}", daemon=True)
        self._thread.start()

    def send(self, method: str, arguments: tuple[Any, ...], wait: bool) -> None:
        self._raise()
        try:
            self._queue.put((method, arguments), block=wait)
        except queue.Full:
            return

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        failed = False
        while (item := self._queue.get()) is not None:
            if failed:
                continue  # keep taking, so that nobody waits for a sink that is gone
            try:
                getattr(self.sink, item[0])(*item[1])
            except Exception as error:
                self._error, failed = error, True
        try:
            self.sink.close()
        except Exception as error:
            self._error = self._error if failed else error
