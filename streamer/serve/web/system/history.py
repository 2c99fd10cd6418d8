"""Samples of the last hour for the plots: frames, frame age and drops of each camera, memory and processor time."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

_EVERY_S = 5.0
_MOST = 720  # an hour


@dataclass(frozen=True)
class Sample:
    """`at`: seconds since 1970. By camera: `rate` frames per second since the sample before, `delay_ms` the usual
    age of its frames when they are done, `dropped` frames dropped since."""

    at: float
    memory_mb: float
    cores: float
    rate: dict[str, float] = field(default_factory=dict)
    delay_ms: dict[str, float | None] = field(default_factory=dict)
    dropped: dict[str, float] = field(default_factory=dict)


class History:
    """Sampled from one thread, read from any."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=_MOST)
        self._lock = threading.Lock()
        self._before: tuple[float, float, dict[str, tuple[int, int]]] | None = None

    def sample(self, site: Site) -> None:
        """Takes a sample where the last is old enough."""
        now = time.monotonic()
        if self._before is not None and now - self._before[0] < _EVERY_S:
            return
        busy = time.process_time()
        states = site.cameras() if site.runs_cameras else []
        counts = {one.name: (one.frames, one.dropped) for one in states}
        if self._before is not None:
            then, busy_then, counts_then = self._before
            seconds = now - then
            known = [one for one in states if one.name in counts_then]
            sample = Sample(
                time.time(),
                memory_mb(),
                (busy - busy_then) / seconds,
                {one.name: (one.frames - counts_then[one.name][0]) / seconds for one in known},
                {one.name: None if one.delay_s is None else one.delay_s * 1e3 for one in known},
                {one.name: float(one.dropped - counts_then[one.name][1]) for one in known},
            )
            with self._lock:
                self.samples.append(sample)
        self._before = now, busy, counts

    def read(self) -> list[Sample]:
        """All samples, the oldest first."""
        with self._lock:
            return list(self.samples)


def memory_mb() -> float:
    """The memory of this process (RSS), in MB; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError):
        return 0.0
