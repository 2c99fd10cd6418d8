"""Limits of how often something may be tried."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_KEYS = 10_000


class Limit:
    """At most `most` tries of a key within `within_s`; the counts of the last keys are kept."""

    def __init__(self, most: int, within_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._within_s, self._clock = most, within_s, clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """How long the next try must wait; 0 where it need not."""
        with self._lock:
            tries = self._tries.get(key)
            if tries is None or len(tries) < self._most:
                return 0.0
            return max(0.0, tries[0] + self._within_s - self._clock())

    def add(self, key: str) -> None:
        """Counts a try."""
        with self._lock:
            tries = self._tries.setdefault(key, deque(maxlen=self._most))
            tries.append(self._clock())
            self._tries.move_to_end(key)
            while len(self._tries) > _MOST_KEYS:
                self._tries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Begins a key anew."""
        with self._lock:
            self._tries.pop(key, None)
