"""Takes the messages of an outbox to its target, one step at a time: in order for each camera, again after growing
waits where it fails. There is no thread and no waiting in it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

from streamer.config.notify import AttemptsConfig, QueueConfig
from streamer.notify.message import Stored
from streamer.notify.queue import Queue
from streamer.notify.target import Refused, Target, Unavailable, told

_log = logging.getLogger(__name__)

IDLE_S = 1.0  # until it looks again for what other processes have put there
_TIDY_S = 60.0
_REPORT_S = 60.0
_SHORT_S = 10.0  # failures for less than that are told once a minute at most, and not their end
_LONGEST_S = 3600.0  # that a target may ask for


def wait_of(tries: int, first_s: float, most_s: float, chance: Callable[[], float] = random.random) -> float:
    """Seconds to the next try after so many: doubled each time, up to the longest, and a random half of it less, so
    that many senders do not come back at once."""
    return float(min(first_s * 2 ** min(tries - 1, 60), most_s) * (0.5 + 0.5 * chance()))


class Courier:
    """`name`: the target's, for the log. `sent`: messages that it took in this run; `dead`: those
    that became dead letters; `lost`: those dropped for want of room."""

    def __init__(
        self,
        name: str,
        outbox: Queue,
        target: Target,
        queue: QueueConfig,
        attempts: AttemptsConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.sent = self.dead = self.lost = 0
        self._outbox, self._target, self._queue, self._attempts = outbox, target, queue, attempts
        self._clock, self._wall = clock, wall
        self._failures = 0  # in a row, of the target
        self._failing_since = 0.0
        self._closed_until = self._tidied = self._reported = float("-inf")
        self._blocked: dict[str, float] = {}  # by camera: when its first message is tried again

    def step(self) -> float:
        """Does what is to be done now; seconds until there is something again, as far as is known."""
        now = self._clock()
        if now - self._tidied >= _TIDY_S:
            self._tidied = now
            self._tidy()
        if now < self._closed_until:
            return self._closed_until - now
        self._blocked = {camera: until for camera, until in self._blocked.items() if until > now}
        stored = self._outbox.next(self._blocked)
        if stored is None:
            try:
                self._target.idle()
            except Unavailable as error:
                self._wait_for_target(error)
            return min([IDLE_S, *(until - now for until in self._blocked.values())])
        try:
            self._target.send(stored.message)
        except Unavailable as error:
            self._outbox.tried(stored.number, told(error), counts=False)
            self._wait_for_target(error)
        except Refused as error:
            self._count(stored, told(error), final=error.final)
        except Exception as error:  # a bug, or of a library: it must not end the sending
            _log.error("%s: failed with a message", self.name, exc_info=error)
            self._count(stored, f"{type(error).__name__}: {told(error)}", final=False)
        else:
            self._outbox.sent(stored.number)
            self.sent += 1
            self._answered()
        return 0.0

    def _wait_for_target(self, error: Unavailable) -> None:
        if not self._failures:
            self._failing_since = self._clock()
        self._failures += 1
        attempts = self._attempts
        wait_s = wait_of(self._failures, attempts.first_s, attempts.most_s)
        if error.after_s is not None:
            wait_s = max(wait_s, min(error.after_s, _LONGEST_S))
        self._closed_until = self._clock() + wait_s
        self._report(told(error))

    def _count(self, stored: Stored, reason: str, *, final: bool) -> None:
        """A try that failed for the message's own sake: it is tried again, or a dead letter."""
        self._answered()
        tries = stored.tries + 1
        self._outbox.tried(stored.number, reason)
        if final or tries >= self._attempts.tries:
            self._outbox.bury(stored.number, reason)
            self.dead += 1
            _log.warning(
                "%s: %s is not taken (%s) and a dead letter now: `alpr notify list`, `alpr notify resend %s`",
                self.name, stored.message.key, reason, self.name,
            )  # fmt: skip
            return
        wait_s = wait_of(tries, self._attempts.first_s, self._attempts.most_s)
        self._blocked[stored.message.camera] = self._clock() + wait_s
        self._report(reason)

    def _answered(self) -> None:
        if self._failures and self._clock() - self._failing_since >= _SHORT_S:
            _log.warning("%s: answers again; %d rows wait", self.name, self._outbox.counts().waiting)
            self._reported = float("-inf")
        self._failures = 0

    def _report(self, reason: str) -> None:
        """Says once a minute that rows wait."""
        now = self._clock()
        if now - self._reported >= _REPORT_S:
            self._reported = now
            _log.warning("%s: %s; %d rows wait in its outbox", self.name, reason, self._outbox.counts().waiting)

    def _tidy(self) -> None:
        """Keeps the outbox within its limits."""
        now = self._wall()
        if old := self._outbox.bury_older(now - self._queue.max_age_h * 3600, now):
            self.dead += old
            _log.warning("%s: %d rows are too old and dead letters now (queue.max_age_h)", self.name, old)
        if lost := self._outbox.trim(self._queue.max_mb * 1e6, now - self._queue.dead_days * 86_400):
            self.lost += lost
            _log.warning("%s: the outbox is full: %d rows are lost (queue.max_mb)", self.name, lost)
