"""A queue and a thread for each sink, so that no sink delays a camera or another sink.

A recording loses nothing: it waits where a queue is full, and a sink that fails receives no more events. A camera never
waits: with a full queue its oldest rows are dropped and counted, and a write that failed is retried.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from streamer.errors import AlprError, OutputError
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
    WatchHit,
)
from streamer.sink.policy import Policy, policy_of
from streamer.sink.sink import Sink, name_of

_log = logging.getLogger(__name__)

_ROWS = (PassageFinal, PassageProvisional, PassageWithdrawn, TrackRejected, WatchHit)
_OF_PASSAGES = PassageFinal | PassageProvisional | PassageWithdrawn | WatchHit
_REPORT_S = 60.0
_BUG_TRIES = 3  # with an event at which the sink raises something other than an output error
_CLOSING_RETRY_S = 0.1
_STOP_POLL_S = 0.1
_GRACE_S = 0.5  # for the sink's own close


class Delivery:
    """The queue of one sink, for any number of streams and threads.

    `policy`: None for that of `sink.delivery`, based on RECORDING, or on CAMERA once a live stream is opened. `stop`:
    once set, nothing waits longer for room than `drain_s`. `error` is the sink's failure; `on_error` is called with it.
    Counts: rows `waiting`, `dropped` (the queue was full, or the run ended first), `failed_writes` (failed attempts),
    frames `skipped`.
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
        self.name = name or name_of(sink)
        self.failed = False
        self.error: BaseException | None = None
        self.dropped = self.failed_writes = self.skipped = 0
        self._fixed, self._policy = policy is not None, policy or self._configured(live=False)
        self._on_error, self._stop = on_error, stop
        self._changed = threading.Condition(threading.RLock())
        self._queue: OrderedDict[int, Event] = OrderedDict()
        self._rows: dict[str, deque[int]] = {}  # by stream: the numbers of its rows in the queue
        self._last_waiting: dict[str, int] = {}  # by stream: the number of its last PassagesWaiting
        self._next = self._row_count = self._frames = 0
        self._in_hand: Event | None = None
        self._ticking = self._closing = False
        self._deadline: float | None = None
        self._reported_s = float("-inf")
        self._stopped_s: float | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        with self._changed:
            return self._row_count + isinstance(self._in_hand, _ROWS)

    def put(self, event: Event) -> None:
        """Queues an event. Waits only where the policy requires it."""
        if isinstance(event, StreamOpened) and not self._fixed:
            self._policy = self._configured(live=event.info.live)
        if self.failed or not self.wants.matches(event):
            return
        event = self._without_pictures(event)
        with self._changed:
            if self._policy.mode == "inline":
                self._deliver(event)
            elif self._room_for(event):
                self._append(event)

    def close(self) -> None:
        """Writes the queue, within `drain_s`, and closes the sink; rows that could not be written are an `error`."""
        self.begin_close()
        self.finish_close()

    def begin_close(self) -> None:
        """Accepts no more events and starts the time limit of draining."""
        with self._changed:
            if not self._closing:
                self._closing = True
                drain_s = self._policy.drain_s
                self._deadline = None if drain_s is None else time.monotonic() + drain_s
                self._changed.notify_all()

    def finish_close(self) -> None:
        """Waits until the queue is written and the sink closed, within the time limit."""
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

    # The callers' threads

    def _without_pictures(self, event: Event) -> Event:
        """The event without pictures that the sink does not want: many may be queued."""
        crops, snapshots = self.wants.crops, self.wants.snapshots
        if (crops and snapshots) or not isinstance(event, _OF_PASSAGES):
            if isinstance(event, PassagesWaiting):
                return replace(event, passages=tuple(replace(p, crop=None, snapshot=None) for p in event.passages))
            return event
        passage = event.passage
        if (passage.crop is None or crops) and (passage.snapshot is None or snapshots):
            return event
        reduced = replace(
            passage, crop=passage.crop if crops else None, snapshot=passage.snapshot if snapshots else None
        )
        return replace(event, passage=reduced)

    def _room_for(self, event: Event) -> bool:
        """Waits for room, or makes it by dropping; False where the event itself is dropped."""
        if isinstance(event, Tick):
            return not self._ticking and not self._closing  # one in the queue is enough
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
        elif isinstance(event, PassagesWaiting):  # only the last of each stream is kept
            self._queue.pop(self._last_waiting.get(event.stream, 0), None)
            self._last_waiting[event.stream] = number
        self._queue[number] = event
        self._changed.notify_all()

    def _drop_oldest(self) -> None:
        """Drops the oldest row of the stream with the most rows, so that a busy camera costs no other's rows."""
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
            if self._queue and self._past_deadline():
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
                if not self._retry(event, error, tries, time.monotonic() - began):
                    return
            else:
                if tries:
                    rows = self.waiting
                    _log.warning("%s: can be written again; %d rows that waited are written now", self.name, rows)
                    self._reported_s = float("-inf")
                return

    def _retry(self, event: Event, error: Exception, tries: int, seconds: float) -> bool:
        """Waits until an event is to be retried; False where it is not."""
        retry = self._policy.retry
        if isinstance(event, Tick) and retry is not None and isinstance(error, OutputError | OSError):
            self._report(str(error))
            return False
        permanent = isinstance(error, BrokenPipeError) or (
            isinstance(error, AlprError) and not isinstance(error, OutputError)
        )
        if retry is None or permanent or isinstance(event, FrameSeen):
            self._fail(error)
            return False
        if not isinstance(error, OutputError | OSError) and tries >= _BUG_TRIES:
            _log.error("%s: failed with an event, which is dropped", self.name, exc_info=error)
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
            if self._past_deadline():
                self._give_up(str(_output(error)))
        return not self.failed

    def _past_deadline(self) -> bool:
        return self._closing and self._deadline is not None and time.monotonic() >= self._deadline

    def _report(self, reason: str) -> None:
        """Logs, once a minute, that rows wait, and how many were dropped."""
        now = time.monotonic()
        if now - self._reported_s >= _REPORT_S:
            self._reported_s = now
            lost = f", {self.dropped} are lost" if self.dropped else ""
            _log.warning("%s: %s; rows wait until it can be written (%d now%s)", self.name, reason, self.waiting, lost)

    def _give_up(self, reason: str) -> None:
        """The time limit of draining has passed: queued rows are lost."""
        rows = self.waiting
        if rows:
            self.dropped += rows
            self._fail(OutputError(f"{reason}; {rows} row{' is' if rows == 1 else 's are'} lost"))
        else:
            self._fail(OutputError(reason))

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
        return error  # the reader of our standard output has gone
    return OutputError(f"an output could not be written ({error}): free space or give another path")
