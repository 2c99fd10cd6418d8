"""The output that fills a target's outbox; what it took is on the disk, and sent by the target's own thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from streamer.config.notify import NotifyOutput
from streamer.notify.filters import Filter
from streamer.notify.message import Message, message_of, passage_message
from streamer.notify.outbox import Outbox
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

_log = logging.getLogger(__name__)

_DRAIN_S = {True: 3.0, False: 30.0}  # of cameras, within the time that the end of a run has; of recordings


class NotifySink:
    """`camera`: makes the message that introduces a camera, for targets that want to know of cameras."""

    delivery = None

    def __init__(
        self,
        name: str,
        output: NotifyOutput,
        path: Path,
        identity: str,
        target: Target,
        *,
        live: bool = False,
        camera: Callable[[str], Message] | None = None,
    ) -> None:
        self.name, self._output, self._camera = name, output, camera
        self._filter = Filter(output)
        self._drain_s = output.attempts.drain_s or _DRAIN_S[live]
        self._outbox = Outbox(path)
        self._resumed: set[str] = set()
        self._kept: dict[str, list[str]] = {}
        self._closed = False
        self._result = ""
        try:
            self._sender = Sender(name, path, identity, target, output)
        except BaseException:
            self._outbox.close()
            raise
        self._sender.start()

    @property
    def wants(self) -> Wants:
        events: set[type[Event]] = set()
        if "final" in self._output.send:
            events |= {PassageFinal, PassagesWaiting}
        if "provisional" in self._output.send:
            events |= {PassageProvisional, PassageWithdrawn}
        if "hits" in self._output.send:
            events |= {WatchHit}
        if self._camera is not None:
            events |= {StreamOpened, HealthChanged}
        return Wants(frozenset(events), every_frame=False, crops=self._output.crop)

    def write(self, event: Event) -> None:
        if isinstance(event, PassagesWaiting):
            self._waiting(event)
            return
        if isinstance(event, StreamOpened):
            message = None if self._camera is None else self._camera(event.info.name)
        else:
            message = message_of(event, crop=self._output.crop)
        finished = [event.passage.event_id, *event.passage.parts] if isinstance(event, PassageFinal) else []
        passed = [message] if message is not None and self._filter.passes(message) else []
        if passed or finished:
            self._outbox.put(passed, finished=finished)
            self._sender.wake()

    def _waiting(self, event: PassagesWaiting) -> None:
        """Keeps the rows of a camera that are not final yet; the first call sends those that a killed run left."""
        camera, now = event.stream, {passage.event_id for passage in event.passages}
        if camera not in self._resumed:
            left = [(known, one) for known, one in self._outbox.left(camera) if known not in now]
            if left:
                _log.warning("%s: %d rows left by a killed run are sent", self.name, len(left))
                self._outbox.put([one for _, one in left], finished=[known for known, _ in left])
                self._sender.wake()
            self._resumed.add(camera)
        unfinished = [(passage.event_id, passage_message(passage)) for passage in event.passages]
        kept = [(known, one) for known, one in unfinished if self._filter.passes(one)]
        if kept or self._kept.get(camera, ["at first"]):
            self._outbox.keep(camera, kept)
            self._kept[camera] = [known for known, _ in kept]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._sender.close(self._drain_s)
        counts = self._outbox.counts()
        self._outbox.close()
        waiting = (
            f"; {counts.waiting} wait in its outbox for the next run, or `alpr notify send`" if counts.waiting else ""
        )
        dead = f"; {counts.dead} dead letters (`alpr notify list`)" if counts.dead else ""
        self._result = f"{self._sender.sent} messages to {self.name}{waiting}{dead}"
        if counts.waiting:
            _log.warning("%s: %d rows are not sent yet; they wait in its outbox", self.name, counts.waiting)

    def result(self) -> str:
        return self._result
