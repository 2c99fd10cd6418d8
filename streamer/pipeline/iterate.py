"""`stream`: the passages of a video or a camera, for programs that want to go over them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

from streamer.config.models import RunConfig
from streamer.pipeline.engines import DetectorLike, Engines, ReaderLike
from streamer.pipeline.runner import run_stream
from streamer.sink.base import BaseSink, Sink
from streamer.source.base import Source
from streamer.types import Passage, RunSummary

_WAITING = 16  # passages
_POLL_S = 0.1


def stream(
    source: str | Path | Source | Sequence[Source],
    config: RunConfig | None = None,
    *,
    sinks: Sequence[Sink] = (),
    detector: DetectorLike | None = None,
    reader: ReaderLike | None = None,
    engines: Engines | None = None,
) -> Generator[Passage, None, RunSummary]:
    """Goes over the passages of `source` as they become final; the rest as in `run_stream`, which works in a thread.

    Who stops early (break, close, an error of its own) ends the run, whose `sinks` are whole then. Who is slow holds a
    file up; of a camera, frames are dropped meanwhile. Errors of the run are raised here, after the passages before
    them. Returns the summary (`StopIteration.value`).
    """
    taker = _Taker()
    rows = _Passages(taker)
    ended: queue.SimpleQueue[RunSummary | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            ended.put(
                run_stream(
                    source, [rows, *sinks], config, detector=detector, reader=reader, engines=engines, stop=taker.stop
                )
            )
        except BaseException as error:  # raised where the passages are taken
            ended.put(error)
        finally:
            rows.end()

    thread = threading.Thread(target=work, name="alpr-stream")
    thread.start()
    try:
        while (passage := rows.take()) is not None:
            yield passage
    finally:
        taker.gone = True
        taker.stop.set()
        thread.join()
    result = ended.get()
    if isinstance(result, BaseException):
        raise result
    return result


class _Taker:
    """Who takes the passages, and whether somebody still does: no run may outlive the thread that it is for."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.gone = False
        self.stop = _Stop(self)

    @property
    def left(self) -> bool:
        return self.gone or not self.thread.is_alive()


class _Stop(threading.Event):
    """The wish to end, of who takes the passages or of the run itself."""

    def __init__(self, taker: _Taker) -> None:
        super().__init__()
        self._taker = taker

    def is_set(self) -> bool:
        return super().is_set() or self._taker.left


class _Passages(BaseSink):
    """Hands passages from the run's thread to another, a few at a time."""

    def __init__(self, taker: _Taker) -> None:
        self._taker = taker
        self._queue: queue.Queue[Passage | None] = queue.Queue(_WAITING)

    def passage(self, passage: Passage) -> None:
        self._put(passage)

    def end(self) -> None:
        self._put(None)

    def take(self) -> Passage | None:
        """The next passage, None after the last."""
        self._taker.thread = threading.current_thread()
        return self._queue.get()

    def _put(self, item: Passage | None) -> None:
        while not self._taker.left:
            try:
                self._queue.put(item, timeout=_POLL_S)
                return
            except queue.Full:
                continue
