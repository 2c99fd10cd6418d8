"""Cores of this machine for one process: decoding and the networks each have threads of their own, and a limit of one
thread each keeps more than one core busy. A process that claimed cores runs on these alone, with all its threads.

Processes tell each other by locks of files in the folder for temporary files, which the system gives back where a
process is killed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: no locks, and no affinity in Python either
    fcntl = None  # type: ignore[assignment]

_held: list[Any] = []  # the locks of this process


def claim_cores(count: int) -> tuple[int, ...]:
    """Keeps this process to `count` cores that no other process has claimed, and gives their numbers; nothing is done
    where the system cannot (none), or fewer are free. Called again, it gives those that it has."""
    if _held:
        return tuple(number for number, _ in _held)
    if fcntl is None or not hasattr(os, "sched_setaffinity"):
        return ()
    folder = Path(os.environ.get("ALPR_CORES", "") or Path(tempfile.gettempdir()) / f"alpr-cores-{os.getuid()}")
    taken: list[Any] = []
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for core in sorted(os.sched_getaffinity(0)):
            if len(taken) < count and (lock := _lock(folder / f"{core}.lock")) is not None:
                taken.append((core, lock))
        if len(taken) < count:
            raise OSError("too few are free")
        os.sched_setaffinity(0, {core for core, _ in taken})
    except OSError:
        for _, lock in taken:
            os.close(lock)
        return ()
    _held.extend(taken)
    return tuple(core for core, _ in taken)


def _lock(path: Path) -> int | None:
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file
