"""`stream`: an iterator over the passages of a video or a camera."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

from streamer.config.models import RunConfig
from streamer.pipeline.engines import DetectorLike, Engines, ReaderLike
from streamer.pipeline.runner import run_stream
from streamer.sink.sink import BaseSink, Sink
from streamer.source.source import Source
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
    """Yields the passages of `source` as they become final. Arguments as in `run_stream`, which runs in a thread.

    Ending the iteration early (break, close, an exception) ends the run and closes `sinks`. Slow iteration slows a file
    down; of a camera, frames are dropped. Errors of the run are raised here, after the passages before them. Returns
    the summary (`StopIteration.value`).
    """
    consumer = _Consumer()
    rows = _Passages(consumer)
    ended: queue.SimpleQueue[RunSummary | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            ended.put(
                run_stream(
                    source,
                    [rows, *sinks],
                    config,
                    detector=detector,
                    reader=reader,
                    engines=engines,
                    stop=consumer.stop,
                )
            )
        except BaseException as error:  # raised in the consumer's thread
            ended.put(error)
        finally:
            rows.end()

    thread = threading.Thread(target=work, name="alpr-stream")
    thread.start()
    try:
        while (passage := rows.take()) is not None:
            yield passage
    finally:
        consumer.gone = True
        consumer.stop.set()
        thread.join()
    result = ended.get()
    if isinstance(result, BaseException):
        raise result
    return result


class _Consumer:
    """The thread that iterates, and whether it still does: no run may outlive it."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.gone = False
        self.stop = _Stop(self)

    @property
    def is_gone(self) -> bool:
        return self.gone or not self.thread.is_alive()


class _Stop(threading.Event):
    """Set by the consumer or the run, or where the consumer is gone."""

    def __init__(self, consumer: _Consumer) -> None:
        super().__init__()
        self._consumer = consumer

    def is_set(self) -> bool:
        return super().is_set() or self._consumer.is_gone


class _Passages(BaseSink):
    """Passes passages from the run's thread to the consumer's, through a bounded queue."""

    def __init__(self, consumer: _Consumer) -> None:
        self._consumer = consumer
        self._queue: queue.Queue[Passage | None] = queue.Queue(_WAITING)

    def passage(self, passage: Passage) -> None:
        self._put(passage)

    def end(self) -> None:
        self._put(None)

    def take(self) -> Passage | None:
        """The next passage, None after the last."""
        self._consumer.thread = threading.current_thread()
        return self._queue.get()

    def _put(self, item: Passage | None) -> None:
        while not self._consumer.is_gone:
            try:
                self._queue.put(item, timeout=_POLL_S)
                return
            except queue.Full:
                continue
