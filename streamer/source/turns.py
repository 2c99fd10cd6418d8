"""What few of many cameras do at a time: decode what they kept, and look at every frame when they begin. Each is soon
done; all at once would keep one another from it for long, as Python's lock changes hands several times a frame."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_CATCH_UP_S = 0.5  # one camera's turn, so that one that stays behind keeps no other from its own
_BEGIN_S = 15.0  # one camera's time to become quiet


class Turns:
    """`most` cameras at a time, each for `longest_s`."""

    def __init__(self, most: int, longest_s: float) -> None:
        self.longest_s = longest_s
        self._free = threading.BoundedSemaphore(most)

    def take(self) -> bool:
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        self._free.release()


class Turn:
    """One camera's part in it."""

    def __init__(self, turns: Turns, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._turns, self._monotonic = turns, monotonic
        self._until: float | None = None

    def is_mine(self) -> bool:
        """Whether it is this camera's turn now; else it asks again with its next packet."""
        if self._until is not None and self._monotonic() >= self._until:
            self.end()
            return False
        if self._until is None and self._turns.take():
            self._until = self._monotonic() + self._turns.longest_s
        return self._until is not None

    def end(self) -> None:
        """It is done, or has given up."""
        if self._until is not None:
            self._until = None
            self._turns.give_back()


# Of the whole process, as are Python's lock and the cores. Of 64 cameras on 2 cores all slept 18 s after the start with
# 2 turns to catch up, 53 of them after 44 s with 4 turns, and none with one for each.
_CORES = os.cpu_count() or 1
CATCH_UP = Turns(min(4, _CORES), _CATCH_UP_S)
BEGIN = Turns(3 * _CORES, _BEGIN_S)
