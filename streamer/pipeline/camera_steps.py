"""A camera's frames through its stream's state, also while it sleeps."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.pipeline.engines import Engines
from streamer.pipeline.found import finder, found_in
from streamer.pipeline.quiet import Quiet
from streamer.pipeline.state import StreamState
from streamer.sink.events import Event
from streamer.source.reconnect import LiveFeed
from streamer.source.sleeper import CameraFrame, Sleeper
from streamer.types import Frame


class CameraSteps:
    """Call `after` with everything that comes from one camera's feed."""

    def __init__(self, state: StreamState, engines: Engines, sleep_after_s: float) -> None:
        self._state, self._detector = state, engines.detector
        find = finder(state)
        self._quiet = Quiet(
            sleep_after_s, engines.high_score, lambda frame: state.in_zones(find(engines.detector, frame))
        )

    def after(self, frame: Frame | None, feed: LiveFeed) -> Sequence[Event]:
        """The events of the next frame, or of a while without one (None)."""
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
