"""All sinks of a run: each event goes to the Delivery of every sink that wants it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from streamer.sink.delivery import Delivery
from streamer.sink.events import Event, FrameSeen, PassageProvisional, Tick
from streamer.sink.sink import Sink, Wants, name_of

if TYPE_CHECKING:
    from threading import Event as StopEvent

_log = logging.getLogger(__name__)

_TICK_S = 1.0


class Outputs:
    """All sinks of a run, for any number of streams and threads. One that fails is left out from then on; `error` is
    the first failure. `camera`: set where they belong to one camera; `stop`: the run's (see Delivery)."""

    def __init__(self, sinks: Sequence[Sink], camera: str = "", stop: StopEvent | None = None) -> None:
        self.deliveries: list[Delivery] = []
        names: Counter[str] = Counter()
        for sink in sinks:
            if not isinstance(sink, Sink):
                raise TypeError(f"{type(sink).__name__} is no sink: it needs wants, write and close (see BaseSink)")
            name = name_of(sink)
            names[name] += 1
            name += f"-{names[name]}" if names[name] > 1 else ""
            name = f"{camera}/{name}" if camera else name
            self.deliveries.append(Delivery(sink, name=name, on_error=self._report, stop=stop))
        self.wants = reduce(lambda a, b: a | b, (d.wants for d in self.deliveries), Wants(frozenset(), False))
        self._errors: list[BaseException] = []
        self._ticked = 0.0

    @property
    def error(self) -> BaseException | None:
        """The error of the sink that failed first."""
        return next((e for e in (*self._errors, *(d.error for d in self.deliveries)) if e is not None), None)

    @property
    def all_failed(self) -> bool:
        own = [d for d in self.deliveries if not getattr(d.sink, "onlooker", False)]
        return bool(own) and all(d.failed for d in own)

    @property
    def warnings(self) -> list[str]:
        """Rows that were dropped, by output."""
        return [f"{d.name}: {d.dropped} rows could not be written in time and are lost" for d in self.deliveries
                if d.dropped]  # fmt: skip

    @property
    def wants_provisional(self) -> bool:
        return PassageProvisional in self.wants.events

    @property
    def wants_readings(self) -> bool:
        return FrameSeen in self.wants.events

    @property
    def wants_frames(self) -> bool:
        return FrameSeen in self.wants.events and self.wants.every_frame

    @property
    def wants_crops(self) -> bool:
        return self.wants.crops

    @property
    def wants_snapshots(self) -> bool:
        return self.wants.snapshots

    @property
    def wants_posteriors(self) -> bool:
        return self.wants.posteriors

    def put(self, event: Event) -> None:
        """Passes an event to every sink that wants it."""
        for delivery in self.deliveries:
            delivery.put(event)

    def tick(self) -> None:
        """Sends a Tick to the sinks, at most once a second."""
        now = time.monotonic()
        if now - self._ticked >= _TICK_S:
            self._ticked = now
            self.put(Tick(""))

    def close(self) -> None:
        """Closes every sink, failed ones too, concurrently: each has its own time-out to write what is queued."""
        self.begin_close()
        self.finish_close()

    def begin_close(self) -> None:
        for delivery in self.deliveries:
            delivery.begin_close()

    def finish_close(self) -> None:
        for delivery in self.deliveries:
            delivery.finish_close()

    def _report(self, error: BaseException) -> None:
        self._errors.append(error)
        if not self.all_failed:
            _log.warning("%s; the other outputs continue", error)
