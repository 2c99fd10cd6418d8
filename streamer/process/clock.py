"""Time, as those see it who wait for it: the system's, or one that a test moves."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading


class Clock(Protocol):
    """What a run goes by while it waits. Threads may share one."""

    def now(self) -> datetime:
        """The time of day, aware."""

    def monotonic(self) -> float:
        """Seconds that only rise, from an arbitrary zero."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Waits for `event`, so many seconds at most; whether it is set."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)
