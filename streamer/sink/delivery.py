"""Between the events of a run and a sink: a queue and a thread, so that no sink holds up a camera or another sink.

Of a recording nothing is lost: it waits where a queue is full, and a sink that fails is out. A camera never waits: once
the queue is full its oldest rows are dropped and counted, and a row that cannot be written is tried again until it can.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from streamer.errors import AlprError, OutputError
from streamer.sink.base import BaseSink, Sink
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamOpened,
    Tick,
    TrackRejected,
)
from streamer.sink.policy import Policy, policy_of

_log = logging.getLogger(__name__)

_ROWS = (PassageFinal, PassageProvisional, PassageWithdrawn, TrackRejected)
_REPORT_S = 60.0
_BUG_TRIES = 3  # of an event with which a sink fails otherwise than an output does
_CLOSING_RETRY_S = 0.1
_STOP_POLL_S = 0.1
_GRACE_S = 0.5  # for the sink's own close


class Delivery:
    """The way to one sink, for any number of streams and threads.

    `policy`: None for what `sink.delivery` says, laid over RECORDING, or over CAMERA once a live stream is opened.
    `stop`: once set, nothing waits longer for room than `drain_s`. `error` is why the sink failed; `on_error` is called
    with it. Counts: rows `waiting`, `dropped` (the queue was full, or the run ended
    first), `failed_writes` (tries that failed), frames `skipped`.
    """

    def __init__(
        self,
        sink: Sink,
        policy: Policy | None = None,
        *,
        name: str = "",
        on_error: Callable[[BaseException], None] = lambda error: None,
        stop: threading.Event | None = None,
    ) -> None:
        self.sink, self.wants = sink, sink.wants
        self.name = name or (sink.name if isinstance(sink, BaseSink) else type(sink).__name__)
        self.failed = False
        self.error: BaseException | None = None
        self.dropped = self.failed_writes = self.skipped = 0
        self._fixed, self._policy = policy is not None, policy or self._configured(live=False)
        self._on_error, self._stop = on_error, stop
        self._changed = threading.Condition(threading.RLock())
        self._queue: OrderedDict[int, Event] = OrderedDict()
        self._rows: dict[str, deque[int]] = {}  # of each stream: the numbers of its rows in the queue
        self._unsettled: dict[str, int] = {}  # of each stream: the number of its last PassagesWaiting
        self._next = self._row_count = self._frames = 0
        self._in_hand: Event | None = None
        self._ticking = self._closing = False
        self._deadline: float | None = None
        self._reported_s, self._troubled = float("-inf"), 0
        self._stopped_s: float | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        with self._changed:
            return self._row_count + isinstance(self._in_hand, _ROWS)

    def put(self, event: Event) -> None:
        """Hands an event over. Waits only where the policy says so."""
        if isinstance(event, StreamOpened) and not self._fixed:
            self._policy = self._configured(live=event.info.live)
        if self.failed or not self.wants.takes(event):
            return
        event = self._light(event)
        with self._changed:
            if self._policy.mode == "inline":
                self._deliver(event)
            elif self._room_for(event):
                self._append(event)

    def close(self) -> None:
        """Writes what waits, within `drain_s`, and closes the sink; what could not be written is an `error`."""
        self.begin_close()
        self.finish_close()

    def begin_close(self) -> None:
        """Takes no more events; the time to drain begins."""
        with self._changed:
            if not self._closing:
                self._closing = True
                drain_s = self._policy.drain_s
                self._deadline = None if drain_s is None else time.monotonic() + drain_s
                self._changed.notify_all()

    def finish_close(self) -> None:
        """Waits for the end of what `begin_close` began."""
        if self._thread is None:
            self._close_sink()
            return
        left = None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0) + _GRACE_S
        self._thread.join(left)
        if self._thread.is_alive():
            self._give_up(f"{self.name}: the output does not answer")

    def _configured(self, *, live: bool) -> Policy:
        pictures = self.wants.crops or self.wants.snapshots
        return policy_of(getattr(self.sink, "delivery", None), live=live, pictures=pictures)

    # Handing over

    def _light(self, event: Event) -> Event:
        """The event without the pictures that the sink does not want: many may wait."""
        crops, snapshots = self.wants.crops, self.wants.snapshots
        if (crops and snapshots) or not isinstance(event, PassageFinal | PassageProvisional | PassageWithdrawn):
            if isinstance(event, PassagesWaiting):
                return replace(event, passages=tuple(replace(p, crop=None, snapshot=None) for p in event.passages))
            return event
        passage = event.passage
        if (passage.crop is None or crops) and (passage.snapshot is None or snapshots):
            return event
        lighter = replace(
            passage, crop=passage.crop if crops else None, snapshot=passage.snapshot if snapshots else None
        )
        return replace(event, passage=lighter)

    def _room_for(self, event: Event) -> bool:
        """Makes or waits for room; False where the event is left out."""
        if isinstance(event, Tick):
            return not self._ticking and not self._closing  # one is enough
        while not self.failed and not self._closing:
            if isinstance(event, FrameSeen):
                if self._frames < self._policy.frames:
                    return True
                if event.may_skip:
                    self.skipped += 1
                    return False
            elif not isinstance(event, _ROWS) or self._row_count < self._policy.size:
                return True
            elif self._policy.when_full == "drop_newest":
                self._drop(1, "the queue is full")
                return False
            elif self._policy.when_full == "drop_oldest":
                self._drop_oldest()
                return True
            if self._stopped():
                self._drop(int(isinstance(event, _ROWS)), "the output does not answer")
                return False
            self._changed.wait(None if self._stop is None or self._policy.drain_s is None else _STOP_POLL_S)
        return False

    def _stopped(self) -> bool:
        """Whether the run was stopped, and waited long enough since."""
        if self._stop is None or self._policy.drain_s is None or not self._stop.is_set():
            return False
        now = time.monotonic()
        self._stopped_s = now if self._stopped_s is None else self._stopped_s
        return now - self._stopped_s >= self._policy.drain_s

    def _append(self, event: Event) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"alpr-{self.name}", daemon=True)
            self._thread.start()
        number = self._next = self._next + 1
        if isinstance(event, _ROWS):
            self._row_count += 1
            self._rows.setdefault(event.stream, deque()).append(number)
        elif isinstance(event, FrameSeen):
            self._frames += 1
        elif isinstance(event, Tick):
            self._ticking = True
        elif isinstance(event, PassagesWaiting):  # the last of a stream counts
            self._queue.pop(self._unsettled.get(event.stream, 0), None)
            self._unsettled[event.stream] = number
        self._queue[number] = event
        self._changed.notify_all()

    def _drop_oldest(self) -> None:
        """The oldest row of the stream that has most of them: one busy camera costs no other's rows."""
        stream = max(self._rows, key=lambda name: len(self._rows[name]))
        del self._queue[self._rows[stream].popleft()]
        self._row_count -= 1
        self._drop(1, "the queue is full")

    def _drop(self, rows: int, why: str) -> None:
        self.dropped += rows
        self._report(why)

    # The sink's thread

    def _work(self) -> None:
        while (event := self._take()) is not None:
            if not self.failed:
                self._deliver(event)
            with self._changed:
                self._in_hand = None
        self._close_sink()

    def _take(self) -> Event | None:
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            if self._queue and self._late():
                self._give_up(f"{self.name}: the output is too slow")
            if not self._queue:
                return None
            _, event = self._queue.popitem(last=False)
            self._in_hand = event
            if isinstance(event, _ROWS):
                self._row_count -= 1
                self._rows[event.stream].popleft()
            self._frames -= isinstance(event, FrameSeen)
            self._ticking = self._ticking and not isinstance(event, Tick)
            self._changed.notify_all()
            return event

    def _deliver(self, event: Event) -> None:
        began, tries = time.monotonic(), 0
        while not self.failed:
            try:
                self.sink.write(event)
            except Exception as error:
                tries += 1
                self.failed_writes += 1
                if not self._again(event, error, tries, time.monotonic() - began):
                    return
            else:
                if tries:
                    rows = self.waiting
                    _log.warning("%s: can be written again; %d rows that waited are written now", self.name, rows)
                    self._reported_s = float("-inf")
                return

    def _again(self, event: Event, error: Exception, tries: int, seconds: float) -> bool:
        """Waits until it is time to try an event again; False where it is not to be tried."""
        retry = self._policy.retry
        if isinstance(event, Tick) and retry is not None and isinstance(error, OutputError | OSError):
            self._report(str(error))
            return False
        lasting = isinstance(error, BrokenPipeError) or (
            isinstance(error, AlprError) and not isinstance(error, OutputError)
        )
        if retry is None or lasting or isinstance(event, FrameSeen):
            self._fail(error)
            return False
        if not isinstance(error, OutputError | OSError) and tries >= _BUG_TRIES:
            _log.error("%s: failed with an event, which is left out", self.name, exc_info=error)
            self.error = self.error or error
            self.dropped += isinstance(event, _ROWS)
            return False
        if retry.limit_s is not None and seconds >= retry.limit_s:
            self._drop(int(isinstance(event, _ROWS)), str(error))
            return False
        self._report(str(error))
        wait_s = min(retry.first_s * 2 ** min(tries - 1, 30), retry.most_s)
        with self._changed:
            if not self._closing:
                self._changed.wait_for(lambda: self._closing, wait_s)
            else:
                self._changed.wait_for(lambda: False, min(wait_s, _CLOSING_RETRY_S))
            if self._late():
                self._give_up(str(_output(error)))
        return not self.failed

    def _late(self) -> bool:
        return self._closing and self._deadline is not None and time.monotonic() >= self._deadline

    def _report(self, what: str) -> None:
        """Logs, once a minute, that rows wait, and how many were dropped."""
        now = time.monotonic()
        if now - self._reported_s >= _REPORT_S:
            self._reported_s = now
            lost = f", {self.dropped} are lost" if self.dropped else ""
            _log.warning("%s: %s; rows wait until it can be written (%d now%s)", self.name, what, self.waiting, lost)

    def _give_up(self, why: str) -> None:
        """The time to drain is over: what waits is lost."""
        rows = self.waiting
        if rows:
            self.dropped += rows
            self._fail(OutputError(f"{why}; {rows} row{' is' if rows == 1 else 's are'} lost"))
        else:
            self._fail(OutputError(why))

    def _fail(self, error: BaseException) -> None:
        error = _output(error) if isinstance(error, OSError) else error
        with self._changed:
            if self.failed:
                return
            self.failed, self.error = True, self.error or error
            self._queue.clear()
            self._rows.clear()
            self._row_count = self._frames = 0
            self._in_hand = None
            self._changed.notify_all()
        self._on_error(error)

    def _close_sink(self) -> None:
        try:
            self.sink.close()
        except Exception as error:
            self._fail(error)


def _output(error: Exception) -> Exception:
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
        return error  # who read our standard output has seen enough
    return OutputError(f"an output could not be written ({error}): free space or give another path")
