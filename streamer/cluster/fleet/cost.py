"""What each camera of a process costs: its own thread's time on the CPU, and a share of what all threads beside do
(decoding, the networks), by the frames that it had."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_LEAST_S = 2.0  # of a measurement


class CpuMeter:
    """Call `measure` at any rate; it gives new figures where enough time has passed."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._whole = time.process_time()
        self._threads: dict[str, float] = {}
        self._frames: dict[str, int] = {}
        self.cores: dict[str, float] = {}
        self.whole = 0.0

    def measure(self, threads: Mapping[str, int | None], frames: Mapping[str, int]) -> bool:
        """`threads`: the system's number of each camera's thread; `frames`: decoded so far. Whether `cores` is new."""
        now = time.monotonic()
        seconds = now - self._at
        if seconds < _LEAST_S:
            return False
        whole, own = time.process_time(), {name: thread_seconds(number) for name, number in threads.items()}
        used = (whole - self._whole) / seconds
        known = [name for name in own if name in self._threads]
        mine = {name: max(0.0, own[name] - self._threads[name]) / seconds for name in known}
        new = {name: max(0, frames.get(name, 0) - self._frames.get(name, 0)) for name in known}
        rest, all_new = max(0.0, used - sum(mine.values())), sum(new.values())
        self.cores = {
            name: mine[name] + (rest * new[name] / all_new if all_new else 0.0) for name in known if new[name]
        }
        self.whole = used
        self._at, self._whole, self._threads, self._frames = now, whole, own, dict(frames)
        return True


def thread_seconds(number: int | None) -> float:
    """Seconds of CPU of a thread of this process, by the system's number for it; 0 where that is not known."""
    if number is None:
        return 0.0
    try:
        fields = Path(f"/proc/self/task/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS
