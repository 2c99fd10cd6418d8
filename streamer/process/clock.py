"""The clock of everything that waits: the system's, or a test's."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading


class Clock(Protocol):
    """Time of day, monotonic time and waiting. Threads may share one."""

    def now(self) -> datetime:
        """The time of day, aware."""

    def monotonic(self) -> float:
        """Monotonic seconds from an arbitrary zero."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Waits for `event` for at most `seconds`; whether it is set."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)
