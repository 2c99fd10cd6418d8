"""A shard: one process that reads cameras by the same code as `alpr run`, as its orders say.

Orders are complete and may be repeated: what is not in the last one is closed, what is new is opened, and no other
camera is touched. The networks are loaded once, before the first camera.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.cluster.fleet.cost import CpuMeter
from streamer.cluster.fleet.forward import Forwarder
from streamer.cluster.fleet.outbox import new_outbox
from streamer.cluster.fleet.reports import CameraReport, Grant, Order, ShardReport, State
from streamer.cluster.fleet.sink import OutboxSink
from streamer.config.fleet import FleetConfig
from streamer.errors import AlprError
from streamer.pipeline.cameras import CameraRun, Cameras, SourceOf, camera_source
from streamer.pipeline.engines import Engines, load_engines
from streamer.pipeline.fanout import Outputs
from streamer.pipeline.overload import Overload, age_of
from streamer.pipeline.relief import OverloadWatch
from streamer.pipeline.status import Streams
from streamer.process.clock import SystemClock
from streamer.watch.watcher import WatchLists

_log = logging.getLogger(__name__)

_AWAY_S = 3.0  # without a frame: the camera is away
_AGAIN_S = 10.0  # before a camera that failed is opened again
_ORPHAN_S = 5.0  # without an order: the store is asked whether cameras are others' by now


@dataclass(eq=False)
class _Open:
    """A camera that is open, or being closed."""

    grant: Grant
    settings: dict[str, Any]
    run: CameraRun
    sink: OutboxSink
    closing: bool = False
    failed_at: float | None = None
    began_at: float = field(default_factory=time.monotonic)


class Shard:
    """`settings`: the configuration without its cameras; `name`: of the shard; `cores`: that it may use. Errors of the
    networks and of the folder for rows are raised here."""

    def __init__(
        self,
        name: str,
        settings: dict[str, Any],
        cores: float,
        *,
        engines: Engines | None = None,
        source_of: SourceOf = camera_source,
    ) -> None:
        self.name, self.process = name, f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        config = FleetConfig.model_validate({**settings, "cameras": {}, "threads": max(1, round(cores))})
        self._settings, self._config = settings, config
        self._version, self._models = own_version(), ""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._open: dict[str, _Open] = {}
        self._offset = 0  # of the supervisor's clock from ours, in microseconds
        self._told_at = time.monotonic()
        self._number = 0
        self._streams, self._meter, clock = Streams(), CpuMeter(), SystemClock()
        self._overload = None if config.overload == "drop" else Overload({})
        self._watch = None if self._overload is None else OverloadWatch(self._overload, self._streams, clock)
        if engines is None:
            from streamer.cluster.networks import identity_of

            self._models = identity_of(config.detector, config.reader, config.precision, config.device)
        self._cameras = Cameras(
            engines or load_engines(config),
            Outputs([], stop=self._stop),
            stop=self._stop,
            streams=self._streams,
            clock=clock,
            overload=self._overload,
            source_of=source_of,
        )
        folder = Path(config.fleet.state).expanduser()
        self._outbox = new_outbox(folder)
        self._forwarder = Forwarder(
            self._outbox, folder, config.store, self._version, held=self._orphaned, lost=self._lose
        )

    def follow(self, order: Order) -> ShardReport:
        """Opens and closes cameras as an order says, and reports."""
        with self._lock:
            if order.number >= self._number:
                self._number, self._told_at = order.number, time.monotonic()
                self._offset = order.at - time.time_ns() // 1000
                os.environ.update(order.environment)
                self._close_others(order)
                self._reap()
                for name, grant in order.grants.items():
                    if name not in self._open:
                        self._begin(grant, order.settings[name])
            if self._watch is not None:
                self._watch.tick()
            return self.report()

    def report(self) -> ShardReport:
        """The cameras as they are."""
        with self._lock:
            self._reap()
            threads = {n: None if c.run.thread is None else c.run.thread.native_id for n, c in self._open.items()}
            watched = {w.name: w for w in self._streams.watched}
            frames = {n: w.summary.frames for n, w in watched.items()}
            new = self._meter.measure(threads, frames)
            cameras = {n: self._camera(n, c, watched.get(n), new) for n, c in self._open.items()}
            return ShardReport(
                self.process, self._number, cameras, self._forwarder.report, round(self._meter.whole, 3),
                self._version, self._models, overload=0 if self._overload is None else self._overload.step,
            )  # fmt: skip

    def close(self, within_s: float = 8.0) -> None:
        """Closes all cameras and sends what is left, as far as the time allows; the rest stays in the outbox."""
        deadline = time.monotonic() + within_s
        with self._lock:
            if self._stop.is_set():
                return
            self._stop.set()
            for one in self._open.values():
                one.run.stop.set()
            for one in self._open.values():
                if one.run.thread is not None:
                    one.run.thread.join(max(0.1, deadline - time.monotonic()))
        self._outbox.close(remove=self._forwarder.close(max(0.5, deadline - time.monotonic())))

    # With the lock

    def _begin(self, grant: Grant, settings: dict[str, Any]) -> None:
        name = grant.camera
        sink = OutboxSink(self._outbox, grant, self._config.store, self._now)
        run = CameraRun(name, threading.Event(), closes=True)
        self._open[name] = one = _Open(grant, settings, run, sink)
        try:
            config = FleetConfig.model_validate({
                **self._settings, "cameras": {name: settings}, "threads": self._config.threads,
            })  # fmt: skip
            self._cameras.add(run, config, WatchLists(config), [sink])
            self._rank()
        except AlprError as error:
            run.error, one.failed_at = error, time.monotonic()
            _log.warning("%s: %s", name, error)

    def _close_others(self, order: Order) -> None:
        for name, one in self._open.items():
            same = order.grants.get(name) == one.grant and order.settings.get(name) == one.settings
            if not same:
                one.closing = True
                one.run.stop.set()

    def _reap(self) -> None:
        """Forgets what is closed, and what failed long enough ago to be tried again."""
        now = time.monotonic()
        for name, one in list(self._open.items()):
            if one.run.is_alive:
                continue
            if not one.closing and one.failed_at is None:
                one.failed_at = now
                _log.warning("%s: %s; it is opened again in %.0f s", name, one.run.failed or "ended", _AGAIN_S)
            if one.closing or now - (one.failed_at or now) >= _AGAIN_S:
                del self._open[name]
                self._streams.forget(name, [] if one.run.outputs is None else one.run.outputs.deliveries)
                self._rank()

    def _rank(self) -> None:
        if self._overload is not None:
            self._overload.cameras({n: int(c.settings.get("priority", 0)) for n, c in self._open.items()})

    def _camera(self, name: str, one: _Open, watched: Any, new: bool) -> CameraReport:
        health = None if watched is None else watched.health
        last = None if health is None or health.last is None else time.monotonic() - health.last
        state: State = "reading"
        if one.closing:
            state = "closing"
        elif one.failed_at is not None:
            state = "failed"
        elif last is None:
            state = "starting"
        elif last > _AWAY_S:
            state = "away"
        elif self._overload is not None and self._overload.relief(name).paused:
            state, new = "paused", False  # what it costs now is not what it would
        frames = 0 if watched is None else watched.summary.frames
        return CameraReport(
            one.grant.token,
            state,
            self._meter.cores.get(name) if new else None,
            0.0 if health is None else round(age_of(list(health.recent)), 3),
            frames,
            0 if health is None else health.dropped,
            one.sink.rows,
            None if last is None else round(last, 2),
            0 if health is None else health.reconnects,
            one.run.failed,
        )

    # Other threads

    def _now(self) -> int:
        return time.time_ns() // 1000 + self._offset

    def _orphaned(self) -> dict[str, int]:
        if time.monotonic() - self._told_at < _ORPHAN_S:
            return {}
        return {name: one.grant.token for name, one in list(self._open.items())}

    def _lose(self, camera: str) -> None:
        with self._lock:
            one = self._open.get(camera)
            if one is not None and not one.closing:
                _log.warning("%s: another node reads it by now; it is closed here", camera)
                one.closing = True
                one.run.stop.set()


def own_version() -> str:
    """The version of this program."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("alpr-streamer")
    except PackageNotFoundError:
        return "unknown"
