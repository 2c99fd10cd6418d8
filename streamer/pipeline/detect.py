"""Detection in several threads, with results in the order of the frames."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from streamer.engine.large import find
from streamer.pipeline.engines import DetectorLike, Engines
from streamer.types import Frame, Plates

FindIn = Callable[[DetectorLike, Frame], Plates]
_LOW_PRIORITY = 15  # of 19


def with_detections(
    frames: Iterable[Frame], engines: Engines, *, low_priority: bool, found_by: FindIn = find
) -> Iterator[tuple[Frame, Plates]]:
    """Yields each frame with its detections, in order; the detector runs on the next ones meanwhile, in other threads.
    `low_priority`: these yield to an encoder's threads (see _lower_priority); `found_by`: what is asked
    of the detector."""
    if engines.concurrency == 1:
        for frame in frames:
            yield frame, found_by(engines.detector, frame)
        return
    free: queue.SimpleQueue[DetectorLike] = queue.SimpleQueue()
    free.put(engines.detector)
    for _ in range(engines.concurrency - 1):
        free.put(engines.detector.another())

    def detect(frame: Frame) -> Plates:
        detector = free.get()
        try:
            return found_by(detector, frame)
        finally:
            free.put(detector)

    pending: deque[tuple[Frame, Future[Plates]]] = deque()
    with ThreadPoolExecutor(engines.concurrency, "alpr-detect", _lower_priority if low_priority else None) as pool:
        for frame in frames:
            pending.append((frame, pool.submit(detect, frame)))
            if len(pending) > engines.concurrency:
                first, found = pending.popleft()
                yield first, found.result()
        for first, found in pending:
            yield first, found.result()


def _lower_priority() -> None:
    """Lowers the priority of this thread, where threads have their own (Linux). An encoder's threads wait for one
    another: with detection at low priority both finish a tenth sooner."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
