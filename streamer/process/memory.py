"""How a process that runs for months asks the system for memory."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

_TRIM, _MMAP, _ARENAS = -1, -3, -8  # of glibc's mallopt
_PICTURE = 1 << 20


def keep_memory_small() -> None:
    """Has pictures returned to the system once they are freed, and few heaps for all threads; before threads begin.

    glibc gives every new thread a heap of its own, and after the first large block is freed, takes others like it from
    there too: with each connection to a camera pictures then lie in other heaps, and memory climbs for hours (13 MB a
    minute with a connection every 4 s). Elsewhere (musl, macOS) nothing is done.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_ARENAS, 2)
        mallopt(_MMAP, _PICTURE)
        mallopt(_TRIM, 8 * _PICTURE)


def give_back() -> None:
    """Has what is free in the heaps returned to the system, now and then: pictures and tables lay there between others
    that stay, so that the heaps grow though nothing more is used (10 MB in the first half hour of two cameras)."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _glibc(name: str) -> Any:
    """A function of glibc, None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None
