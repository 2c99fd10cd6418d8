"""The thread that sends what a target's outbox holds."""

from __future__ import annotations

import logging
import threading
import time

from streamer.config.notify import NotifyOutput
from streamer.errors import AlprError
from streamer.notify.courier import Courier
from streamer.notify.queue import Box, Queue
from streamer.notify.target import Target

_log = logging.getLogger(__name__)

_LEASE_S = 2.0  # between two looks whether another process has given it back
_BROKEN_S = 5.0  # after an error of the outbox
_GRACE_S = 0.5


class Sender:
    """Begins with `start`, and stops with `close`, which waits for what is not sent yet."""

    def __init__(self, name: str, box: Box, identity: str, target: Target, output: NotifyOutput) -> None:
        self.name = name
        self._target, self._output, self._box = target, output, box
        self._right = box.right(name, identity)
        self._right.taken()  # or says what stands against it, before the run
        self._changed = threading.Condition()
        self._woken = self._closing = False
        self._until = float("inf")
        self._courier: Courier | None = None
        self._thread = threading.Thread(target=self._work, name=f"alpr-notify-{name}", daemon=True)

    @property
    def sent(self) -> int:
        return self.totals[0]

    @property
    def totals(self) -> tuple[int, int, int]:
        """Of this run: messages sent, dead letters, messages lost for want of room."""
        one = self._courier
        return (0, 0, 0) if one is None else (one.sent, one.dead, one.lost)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something is new in the outbox."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def close(self, drain_s: float) -> None:
        """Sends what is left for so many seconds, then stops; the rest stays in the outbox."""
        self.end(drain_s)
        self.join()

    def end(self, drain_s: float) -> None:
        """Begins the time in which what is left is sent."""
        with self._changed:
            self._closing, self._until = True, time.monotonic() + drain_s
            self._changed.notify()

    def join(self) -> None:
        """Waits for the end of that time."""
        left = max(self._until - time.monotonic(), 0.0)
        self._thread.join(left + _GRACE_S)  # one that still waits for an answer ends with it, or with the process

    def _work(self) -> None:
        outbox = None
        try:
            outbox = self._box.open()
            attempts = self._output.attempts
            self._courier = Courier(self.name, outbox, self._target, self._output.queue, attempts)
            while not self._done(outbox):
                wait_s = self._step(self._courier)
                with self._changed:
                    left = self._until - time.monotonic()
                    if wait_s > left:  # nothing more is sent in time
                        break
                    if not self._woken and wait_s > 0:
                        self._changed.wait(wait_s)
                    self._woken = False
            self._target.close()
        except Exception as error:
            _log.error("%s: sends no more", self.name, exc_info=error)
        finally:
            self._right.give_back()
            if outbox is not None:
                outbox.close()

    def _done(self, outbox: Queue) -> bool:
        """Whether the end of the run has come, and there is nothing to send or no time left."""
        if not self._closing:
            return False
        return time.monotonic() >= self._until or not self._right.taken() or not outbox.counts().waiting

    def _step(self, courier: Courier) -> float:
        try:
            return courier.step() if self._right.taken() else _LEASE_S
        except AlprError as error:
            _log.warning("%s: %s; tried again", self.name, error)
            return _BROKEN_S
