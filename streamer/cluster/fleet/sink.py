"""The events of one camera into the outbox of its shard, under the grant by which it is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from streamer.cluster.fleet.outbox import Outbox
from streamer.cluster.fleet.reports import Grant
from streamer.config.delivery import DeliveryConfig
from streamer.sink.events import Event, HealthChanged, PassageProvisional, PassageWithdrawn, TrackRejected
from streamer.sink.ledger import record_of as rejection_record
from streamer.sink.sink import BaseSink, Wants
from streamer.source.source import StreamInfo
from streamer.store.inbox import row_body
from streamer.store.leases import Lease
from streamer.store.privacy import Privacy
from streamer.types import Passage, Rejection

if TYPE_CHECKING:
    from streamer.config.outputs import StoreOutput


class OutboxSink(BaseSink):
    """`now`: the supervisor's time in microseconds, as the shard knows it. What a vehicle that left was read until is
    the time at which its row first waited, by that clock: a camera's own may be wrong."""

    wants_posteriors = True

    def __init__(
        self, outbox: Outbox, grant: Grant, output: StoreOutput, now: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        self._outbox, self._now, self._output = outbox, now, output
        self._lease = Lease(grant.camera, grant.token, grant.holder, grant.at)
        self._privacy = Privacy(output.hash)
        self._left: dict[str, tuple[int, Passage]] = {}  # rows that wait: since when
        self.delivery = DeliveryConfig()
        self.rows = 0
        outbox.put("begin", self._lease, now(), {})

    @property
    def wants(self) -> Wants:
        base = super().wants
        unwanted: set[type[Event]] = set() if self._output.rejections else {TrackRejected}
        if not self._output.provisional:
            unwanted |= {PassageProvisional, PassageWithdrawn}
        return replace(base, events=(base.events | {HealthChanged}) - unwanted)

    def write(self, event: Event) -> None:
        if isinstance(event, HealthChanged):
            self._outbox.put("health", self._lease, self._now(), {"up": event.up, "reason": event.reason})
        else:
            super().write(event)

    def begin(self, info: StreamInfo) -> None:
        self._outbox.put("begin", self._lease, self._now(), {"source": info.address})

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        before, self._left = self._left, {}
        for one in passages:
            at, known = before.get(one.event_id, (0, None))
            if known is None or known.last_frame != one.last_frame:
                at = self._now()
            self._left[one.event_id] = (at, one)
            if known != one:
                self._row(one, at, "waiting")
        # Rows that are not in the list any more are final, and come in this moment: they keep the time they had.
        self._left |= {key: value for key, value in before.items() if key not in self._left}
        while len(self._left) > len(passages) + 1000:
            self._left.pop(next(iter(self._left)))

    def passage(self, passage: Passage) -> None:
        left = self._left.pop(passage.event_id, None)
        self._row(passage, self._now() if left is None else left[0], "final")
        self.rows += 1

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        self._row(passage, self._now(), "withdrawn" if withdrawn else "provisional")

    def rejection(self, rejection: Rejection) -> None:
        record = rejection_record(rejection)
        if self._privacy.is_on:
            record["text"] = ""
        self._outbox.put("rejection", self._lease, self._now(), {"record": record})

    def _row(self, passage: Passage, at: int, status: str) -> None:
        record, posterior = self._privacy.row(passage)
        self._outbox.put("row", self._lease, at, row_body(record, posterior, passage.watch, status))
