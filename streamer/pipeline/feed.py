"""Decoding of a recording in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from streamer.errors import InputError
from streamer.source.source import Source
from streamer.types import Frame

_POLL_S = 0.1
_SILENT_S = 1.0  # without a frame after a stop, the decoder is abandoned
_JOIN_S = 15.0


class Feed:
    """A source decoded in a thread into a bounded queue: iterate over it for its frames. The decoder waits for room,
    so that no frame is lost. `error` is the InputError that ended it."""

    def __init__(self, source: Source, size: int, stop: threading.Event) -> None:
        self.error: InputError | None = None
        self._unexpected: BaseException | None = None
        self._source = source
        self._queue: queue.Queue[Frame | None] = queue.Queue(size)
        self._stop = stop
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._decode, name="alpr-decode", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        waited = 0.0
        while True:
            try:
                frame = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                # The decoder may be blocked in a read for ever; after a stop it is not waited for.
                waited += _POLL_S
                if self._stop.is_set() and waited >= _SILENT_S:
                    return
                continue
            waited = 0.0
            if frame is None:
                break
            yield frame
        if self._unexpected is not None:
            raise self._unexpected

    def join(self) -> bool:
        """Ends the thread; False where it hangs in a read: its source must then not be closed."""
        self._abandoned.set()
        self._thread.join(_SILENT_S if self._stop.is_set() else _JOIN_S)
        return not self._thread.is_alive()

    def _decode(self) -> None:
        try:
            for frame in self._source.frames():
                if not self._put(frame) or self._stop.is_set():
                    return
        except InputError as error:
            self.error = error
        except BaseException as error:  # raised in the caller's thread
            self._unexpected = error
        finally:
            self._put(None)

    def _put(self, frame: Frame | None) -> bool:
        """Waits for room; False where the frames are no longer consumed."""
        while not self._abandoned.is_set():
            try:
                self._queue.put(frame, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False
