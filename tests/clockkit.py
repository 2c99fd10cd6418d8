"""A clock that moves when it is told to, so that tests of minutes take none."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class ManualClock:
    """Stands still but for `move`, and for whoever waits: that moves it by as much, at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 1000.0

    def move(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        over = event.wait(0.0002)  # lets others work
        if not over:
            self.move(seconds)
        return over
