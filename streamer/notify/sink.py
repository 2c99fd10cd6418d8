"""The output that fills a target's outbox; what it took is on the disk, and sent by the target's own thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from streamer.config.notify import NotifyOutput
from streamer.errors import OutputError
from streamer.notify.filters import Filter
from streamer.notify.message import Message, jpeg, message_of, passage_message, row_message
from streamer.notify.queue import Box, Counts, Queue
from streamer.notify.sender import Sender
from streamer.notify.target import Target
from streamer.sink.events import (
    Event,
    HealthChanged,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamOpened,
    WatchHit,
)
from streamer.sink.sink import Wants
from streamer.types import Image

_log = logging.getLogger(__name__)

_DRAIN_S = {True: 3.0, False: 30.0}  # of cameras, within the time that the end of a run has; of recordings


class NotifySink:
    """`camera`: makes the message that introduces a camera, for targets that want to know of cameras. It begins with
    `begin_sending`.

    With a store it is a part of the store's sink (`join_store`), which puts final rows into the outbox together with
    the rows themselves, and hands over all other events, so that they stay in order.
    """

    delivery = None

    def __init__(
        self,
        name: str,
        output: NotifyOutput,
        box: Box,
        identity: str,
        target: Target,
        *,
        live: bool = False,
        camera: Callable[[str], Message] | None = None,
    ) -> None:
        self.name, self.output, self._box, self._camera = name, output, box, camera
        self._identity, self._target = identity, target
        self._filter = Filter(output)
        self._drain_s = output.attempts.drain_s or _DRAIN_S[live]
        self._queue: Queue | None = None
        self._sender: Sender | None = None
        self._resumed: set[str] = set()
        self._kept: dict[str, list[str]] = {}
        self._result = ""

    def begin_sending(self) -> None:
        """Opens the outbox and begins to send what is in it."""
        if self._sender is None:
            self._queue = self._box.open()
            try:
                self._sender = Sender(self.name, self._box, self._identity, self._target, self.output)
            except BaseException:
                self._queue.close()
                raise
            self._sender.start()

    @property
    def joins_store(self) -> bool:
        """Whether its outbox may be the store's."""
        return self.output.outbox is None and self._sender is None

    def join_store(self, box: Box) -> None:
        """Becomes a part of the store's sink, whose outbox this is."""
        self._box = box

    @property
    def wants(self) -> Wants:
        return Wants(frozenset(), every_frame=False) if self._box.in_store else self.events

    @property
    def events(self) -> Wants:
        """The events that messages are made of."""
        events: set[type[Event]] = set()
        if "final" in self.output.send:
            events |= {PassageFinal, PassagesWaiting}
        if "provisional" in self.output.send:
            events |= {PassageProvisional, PassageWithdrawn}
        if "hits" in self.output.send:
            events |= {WatchHit}
        if self._camera is not None:
            events |= {StreamOpened, HealthChanged}
        return Wants(frozenset(events), every_frame=False, crops=self.output.crop)

    def write(self, event: Event) -> None:
        if isinstance(event, PassagesWaiting):
            self._waiting(event)
            return
        if isinstance(event, StreamOpened):
            message = None if self._camera is None else self._camera(event.stream)
        else:
            message = message_of(event, crop=self.output.crop)
        finished = [event.passage.event_id, *event.passage.parts] if isinstance(event, PassageFinal) else []
        passed = [message] if message is not None and self._filter.passes(message) else []
        if passed or finished:
            self._opened().put(passed, finished=finished)
            self.wake()

    def of_row(self, record: Mapping[str, Any], revision: str, crop: Image | None, source: str) -> Message | None:
        """The message of a final row of the store; None where the target does not get it."""
        if "final" not in self.output.send:
            return None
        message = row_message(record, revision, source=source)
        if not self._filter.passes(message):
            return None
        return replace(message, crop=jpeg(crop)) if self.output.crop else message

    def follow(self, event: Event) -> None:
        """Takes an event that the store has written; final rows are in the outbox already."""
        if isinstance(event, PassageFinal):
            self.wake()
        elif not isinstance(event, PassagesWaiting) and self.events.matches(event):
            self.write(event)

    def wake(self) -> None:
        if self._sender is not None:
            self._sender.wake()

    def end(self) -> None:
        """Begins the time in which the rest is sent."""
        if self._sender is not None:
            self._sender.end(self._drain_s)

    def finish(self) -> None:
        """Waits for the end of that time, and closes the outbox."""
        if self._sender is None or self._queue is None or self._result:
            return
        self._sender.join()
        counts = self._queue.counts()
        self._queue.close()
        waiting = f"{counts.waiting} wait in its outbox for the next run, or `alpr notify send`"
        dead = f"{counts.dead} dead letters (`alpr notify list`)"
        parts = [f"{self._sender.sent} messages to {self.name}"]
        self._result = "; ".join([*parts, *[waiting] * bool(counts.waiting), *[dead] * bool(counts.dead)])
        if counts.waiting:
            _log.warning("%s: %d rows are not sent yet; they wait in its outbox", self.name, counts.waiting)

    def close(self) -> None:
        if not self._box.in_store:  # else the store's sink ends it, once all rows are in
            self.end()
            self.finish()

    def result(self) -> str:
        return self._result

    @property
    def totals(self) -> tuple[int, int, int]:
        """Of this run: messages sent, dead letters, messages lost for want of room."""
        return (0, 0, 0) if self._sender is None else self._sender.totals

    def counts(self) -> Counts | None:
        """What is in its outbox now, for any thread; None while it is not open, or cannot be read."""
        if self._sender is None or self._result:
            return None
        try:
            queue = self._box.open()
            try:
                return queue.counts()
            finally:
                queue.close()
        except OutputError:
            return None

    def _opened(self) -> Queue:
        self.begin_sending()
        assert self._queue is not None
        return self._queue

    def _waiting(self, event: PassagesWaiting) -> None:
        """Keeps the rows of a camera that are not final yet; the first call sends those that a killed run left."""
        camera, now, queue = event.stream, {passage.event_id for passage in event.passages}, self._opened()
        if camera not in self._resumed:
            left = [(known, one) for known, one in queue.left(camera) if known not in now]
            if left:
                _log.warning("%s: %d rows left by a killed run are sent", self.name, len(left))
                queue.put([one for _, one in left], finished=[known for known, _ in left])
                self.wake()
            self._resumed.add(camera)
        unfinished = [(passage.event_id, passage_message(passage)) for passage in event.passages]
        kept = [(known, one) for known, one in unfinished if self._filter.passes(one)]
        if kept or self._kept.get(camera, ["at first"]):
            queue.keep(camera, kept)
            self._kept[camera] = [known for known, _ in kept]
