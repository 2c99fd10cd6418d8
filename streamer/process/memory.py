"""Settings of glibc's allocator for processes that run for months."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

_TRIM, _MMAP, _ARENAS = -1, -3, -8  # of glibc's mallopt
_PICTURE = 1 << 20


def keep_memory_small() -> None:
    """Returns freed pictures to the system and limits the number of heaps; call before threads start.

    glibc gives every new thread a heap, and once a large block was freed, serves blocks of that size from the heaps:
    with each connection to a camera pictures lie in other heaps, and memory grows for hours (13 MB a minute with a
    connection every 4 s). Does nothing on other systems (musl, macOS)."""
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_ARENAS, 2)
        mallopt(_MMAP, _PICTURE)
        mallopt(_TRIM, 8 * _PICTURE)


def trim_heaps() -> None:
    """Returns free memory of the heaps to the system; call now and then. Fragmentation makes the heaps grow though no
    more is used (10 MB in the first half hour of two cameras)."""
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
