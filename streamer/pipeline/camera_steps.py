"""A camera's frames through its stream's state, also while it sleeps."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.pipeline.engines import Engines
from streamer.pipeline.found import finder, found_in
from streamer.pipeline.input_size import InputSize, Resizes
from streamer.pipeline.quiet import Quiet
from streamer.pipeline.state import StreamState
from streamer.sink.events import Event, PassageFinal, TrackRejected
from streamer.source.health import Health
from streamer.source.reconnect import LiveFeed
from streamer.source.sleeper import CameraFrame, Sleeper
from streamer.types import Frame


class CameraSteps:
    """Call `after` with everything that comes from one camera's feed."""

    def __init__(self, state: StreamState, engines: Engines, sleep_after_s: float, health: Health) -> None:
        self._state, self._detector, self._health = state, engines.detector, health
        detector = engines.detector
        self._input = InputSize(detector.side, detector.chooses) if isinstance(detector, Resizes) else None
        find = finder(state)
        self._quiet = Quiet(
            sleep_after_s, engines.high_score, lambda frame: state.in_zones(find(engines.detector, frame))
        )

    def after(self, frame: Frame | None, feed: LiveFeed) -> Sequence[Event]:
        """The events of the next frame, or of a while without one (None)."""
        if frame is not None:
            self._resize(frame.pts)
        events = self._after(frame, feed)
        if events and self._input is not None and feed.info is not None:
            for width in _widths(events, max(feed.info.width, feed.info.height)):
                self._input.seen(width, feed.now_s)
        return events

    def _resize(self, now_s: float) -> None:
        if self._input is not None:
            assert isinstance(self._detector, Resizes)
            side = self._input.side(now_s, smaller=self._state.relief.smaller)
            if side != self._detector.side:
                self._detector.side = side
            self._health.input_px = side

    def _after(self, frame: Frame | None, feed: LiveFeed) -> Sequence[Event]:
        state, sleeper = self._state, feed.sleeper
        if frame is None:
            asleep = sleeper is not None and sleeper.asleep  # frames that are kept may still be looked at
            return [] if asleep else state.idle(feed.now_s)
        if sleeper is None:
            return state.step(frame, found_in(frame, state, self._detector))
        if isinstance(frame, CameraFrame) and frame.glimpse:
            return self._glimpse(frame, sleeper)
        looks = self._quiet.looks(frame)
        if not looks:
            state.keep(frame)
        found = found_in(frame, state, self._detector) if looks else None
        events = state.step(frame, found)
        self._quiet.seen(frame, found, state.boxes(frame.pts), sleeper)
        return events

    def _glimpse(self, frame: CameraFrame, sleeper: Sleeper) -> Sequence[Event]:
        if not self._quiet.glimpse(frame, sleeper):
            return []
        self._state.keep(frame)
        return self._state.idle(frame.pts)


def _widths(events: Sequence[Event], long_px: int) -> list[float]:
    """Widths of plates that have passed, in px of an input whose longer side is 640."""
    found = []
    for event in events:
        if isinstance(event, PassageFinal):
            found.append(event.passage.box)
        elif isinstance(event, TrackRejected) and event.rejection.text:
            found.append(event.rejection.box)
    return [(x2 - x1) * 640 / long_px for x1, _, x2, _ in found]
