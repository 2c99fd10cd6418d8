"""Signals that end a run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_INTERRUPTED, _EXIT_TERMINATED = 130, 143
_REPEAT_S = 0.5  # `timeout` and others send one signal twice within this time


class Stop:
    """Requests to stop: SIGTERM, Ctrl-C or a closed terminal (SIGHUP). A second SIGTERM or Ctrl-C ends the process at
    once; rows are complete even then. SIGHUP may come repeatedly, and with SIGTERM at a shutdown, so it never does.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.interrupted = False
        self._asked_at: float | None = None

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handles the signals within the context, in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: object) -> None:
        if number in (signal.SIGINT, signal.SIGTERM):
            now = time.monotonic()
            if self._asked_at is not None and now - self._asked_at >= _REPEAT_S:
                os._exit(EXIT_INTERRUPTED if number == signal.SIGINT else _EXIT_TERMINATED)
            self._asked_at = self._asked_at or now
            self.interrupted = self.interrupted or number == signal.SIGINT
        self.event.set()
