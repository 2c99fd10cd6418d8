"""The ladder of overload of a run that has begun: fed from its cameras' health, told to its log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from streamer.config.models import RunConfig
from streamer.pipeline.overload import Load, Overload, age_of, described
from streamer.pipeline.status import Streams
from streamer.process.clock import Clock, SystemClock

_log = logging.getLogger(__name__)


class OverloadWatch:
    """Call `tick` often, from one thread."""

    def __init__(self, overload: Overload, streams: Streams, clock: Clock | None = None) -> None:
        self._overload, self._streams, self._clock = overload, streams, clock or SystemClock()
        streams.overload = overload

    def tick(self) -> None:
        """Judges the cameras' load, where it is time to, and logs a change."""
        now = self._clock.monotonic()
        change = self._overload.judge(now, self._loads()) if self._overload.due(now) else None
        if change is not None:
            level = logging.WARNING if change.step > change.before else logging.INFO
            _log.log(level, "overload: %s (%s)", described(change.step, self._overload.paused), change.reason)

    def _loads(self) -> Mapping[str, Load]:
        return {
            w.name: Load(w.health.taken, w.health.dropped, age_of(list(w.health.recent)))
            for w in self._streams.watched
            if w.health is not None
        }


def overload_of(config: RunConfig, camera: str = "") -> Overload | None:
    """The ladder of the cameras of a configuration, or of one camera; None where it is not wanted."""
    if config.overload == "drop":
        return None
    return Overload({camera: 0} if camera else {name: one.priority for name, one in config.cameras.items()})
