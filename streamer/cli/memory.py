"""How a process that runs for months asks the system for memory."""

from __future__ import annotations

import ctypes
import sys

_TRIM, _MMAP, _ARENAS = -1, -3, -8  # of glibc's mallopt
_PICTURE = 1 << 20


def keep_memory_small() -> None:
    """Has pictures returned to the system once they are freed, and few heaps for all threads; before threads begin.

    glibc gives every new thread a heap of its own, and after the first large block is freed, takes others like it from
    there too: with each connection to a camera pictures then lie in other heaps, and memory climbs for hours (13 MB a
    minute with a connection every 4 s). Elsewhere (musl, macOS) nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_ARENAS, 2)
    mallopt(_MMAP, _PICTURE)
    mallopt(_TRIM, 8 * _PICTURE)
