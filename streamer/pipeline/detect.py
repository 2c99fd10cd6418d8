"""Detection fanned out over threads, its results in the order of the frames."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from streamer.engine.large import find
from streamer.pipeline.engines import DetectorLike, Engines
from streamer.types import Frame, Plates

_LOW_PRIORITY = 15  # of 19


def detected(frames: Iterable[Frame], engines: Engines, *, low_priority: bool) -> Iterator[tuple[Frame, Plates]]:
    """Each frame with its detections, in order; the next ones are searched meanwhile, in threads of their own, of
    `low_priority` where something else should go first (see _lower_priority)."""
    if engines.concurrency == 1:
        for frame in frames:
            yield frame, find(engines.detector, frame)
        return
    free: queue.SimpleQueue[DetectorLike] = queue.SimpleQueue()
    free.put(engines.detector)
    for _ in range(engines.concurrency - 1):
        free.put(engines.detector.another())

    def search(frame: Frame) -> Plates:
        detector = free.get()
        try:
            return find(detector, frame)
        finally:
            free.put(detector)

    pending: deque[tuple[Frame, Future[Plates]]] = deque()
    with ThreadPoolExecutor(engines.concurrency, "alpr-detect", _lower_priority if low_priority else None) as pool:
        for frame in frames:
            pending.append((frame, pool.submit(search, frame)))
            if len(pending) > engines.concurrency:
                first, found = pending.popleft()
                yield first, found.result()
        for first, found in pending:
            yield first, found.result()


def _lower_priority() -> None:
    """Lets other threads go before this one, where a thread has a priority of its own (Linux). An encoder's threads
    wait for one another: where they run whenever they can and detecting fills the gaps, both are done a tenth sooner.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
