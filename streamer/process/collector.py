"""Python's garbage collector around the start of a run.

Imports and networks make 96,000 objects that live as long as the process. Collections among them took 0.15 s of the
2.3 s of processor time of a start, and each full one, in the middle of a run, 50 to 200 ms: longer than a camera's
frame may take. So the collector waits while all is loaded, and never looks at those objects again: a full one then
takes half a millisecond. Its thresholds stay Python's: the collections of a run took 0.03 % of its time (1,013 frames,
12 collections).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_frozen = False


@contextmanager
def starting() -> Iterator[None]:
    """Pauses the collector within the context, and takes what lives at its end out of it: once in a process, so that
    later runs leave nothing behind. For a process of its own: a program's objects are its own concern."""
    global _frozen
    if _frozen or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
        _frozen = True
    finally:
        gc.enable()
