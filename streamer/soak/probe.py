"""Memory, threads and files of a process, as the system reports them, and the frame age."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from streamer.errors import ConfigError
from streamer.pipeline.status import Streams, quantiles

_PROC = Path("/proc/self")


@dataclass(frozen=True)
class Resources:
    """Resources of this process: MB of memory, Python's threads, all threads (`tasks`), open files."""

    memory_mb: float
    threads: int
    tasks: int
    files: int


@dataclass(frozen=True)
class Sample:
    """Resources at a time of the run; frame ages since the previous sample (ms); counts since the start."""

    at_s: float
    memory_mb: float
    threads: int
    tasks: int
    files: int
    age_p50_ms: float
    age_p99_ms: float
    frames: int
    rows: int
    dropped: int
    reconnects: int


def current_resources() -> Resources:
    """The current resources; ConfigError where the system has no /proc."""
    try:
        pages = int((_PROC / "statm").read_text(encoding="ascii").split()[1])
        tasks, files = len(os.listdir(_PROC / "task")), len(os.listdir(_PROC / "fd")) - 1
    except OSError:
        raise ConfigError("alpr soak: needs /proc, which Linux has: run it there") from None
    return Resources(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, threading.active_count(), tasks, files)


class Probe:
    """Takes samples of a run."""

    def __init__(self, streams: Streams) -> None:
        self._streams, self._began = streams, time.monotonic()

    def sample(self) -> Sample:
        used, watched = current_resources(), self._streams.watched
        ages: list[float] = []
        for one in watched:
            if one.health is not None:
                ages += [one.health.delays.popleft() for _ in range(len(one.health.delays))]
        age = quantiles(ages)
        return Sample(
            at_s=time.monotonic() - self._began,
            memory_mb=used.memory_mb,
            threads=used.threads,
            tasks=used.tasks,
            files=used.files,
            age_p50_ms=1e3 * age.get("0.5", 0.0),
            age_p99_ms=1e3 * age.get("0.99", 0.0),
            frames=sum(w.summary.frames for w in watched),
            rows=sum(w.summary.passages for w in watched),
            dropped=sum(w.health.dropped for w in watched if w.health is not None),
            reconnects=sum(w.health.reconnects for w in watched if w.health is not None),
        )
