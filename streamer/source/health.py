"""Counts and timings of a camera's connection."""

from __future__ import annotations

import bisect
import itertools
import time
from collections import deque
from dataclasses import dataclass, field

_DELAYS = 3000  # frames whose age is kept: two minutes
_RECENT = 25  # frames whose age shows the load
_BOUNDS_S = 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0


class Histogram:
    """Counts of values up to each bound."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect.bisect_left(_BOUNDS_S, value)] += 1
        self._sum += value

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative counts for each bound, as Prometheus expects them, and the sum of all values."""
        bounds = [*map(str, _BOUNDS_S), "+Inf"]
        return list(zip(bounds, map(float, itertools.accumulate(self._counts)), strict=True)), self._sum


@dataclass
class Health:
    """One camera over all its connections.

    `arrived`: frames that came, decoded or not; `dropped`: frames discarded to keep up; `reconnects`: connections
    after the first; `faults`: connections that ended, by kind. `last`: when the last frame came, by the monotonic
    clock; `began`: when the camera was first connected to; `away`: whether it is being reconnected. `taken`:
    processed frames; `delays`: the ages of the last of them when they were done, in seconds since their arrival;
    `histogram`: of all ages. `asleep`: whether only key pictures are decoded; `slept`: frames left undecoded as
    nothing happened; `wakes`: how often it woke up, by reason; `sleepless`: why it cannot sleep. `input_px`: the longer
    side of the detector's input, 0 where that has one size.
    """

    arrived: int = 0
    dropped: int = 0
    reconnects: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    last: float | None = None
    began: float = field(default_factory=time.monotonic)
    away: bool = False
    asleep: bool = False
    slept: int = 0
    wakes: dict[str, int] = field(default_factory=dict)
    sleepless: str = ""
    input_px: int = 0
    histogram: Histogram = field(default_factory=Histogram)
    taken: int = 0
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAYS))
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))  # ages without those of late frames

    def done(self, seconds: float, *, late: bool = False) -> None:
        """Counts a processed frame and its age, seconds since its arrival. `late`: it is from before the camera woke
        up, so that its age tells nothing of the machine's load."""
        self.taken += 1
        if not late:
            self.recent.append(seconds)
        self.delays.append(seconds)
        self.histogram.add(seconds)

    @property
    def fault_counts(self) -> str:
        """The faults and their counts, as text."""
        return ", ".join(f"{reason} {count}" for reason, count in sorted(self.faults.items()))
