"""The supervisor of a fleet: asks every shard for a report twice a second, decides (control.py), and tells each what it
is to read. Follows changes of the configuration file."""

from __future__ import annotations

import logging
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from streamer.cluster.fleet.control import Control
from streamer.cluster.fleet.engine import Engine, Place
from streamer.cluster.fleet.keeper import SUPERVISOR_S, Keeper
from streamer.cluster.fleet.placement import Move, Rules
from streamer.cluster.fleet.reports import Order, ShardReport, report_of
from streamer.cluster.fleet.shard import own_version
from streamer.cluster.fleet.status import Board, nodes_of
from streamer.config.fleet import FleetConfig
from streamer.config.urls import VARIABLE
from streamer.errors import AlprError, ConfigError, ModelError
from streamer.store.database import Database, open_database
from streamer.store.leases import Lease, Leases
from streamer.store.times import now

_log = logging.getLogger(__name__)

STEP_S = 0.5
_GONE_S = 600.0  # a node that was not there for so long is forgotten
_GATHER_S = 10.0  # after the first shard was ready: others are waited for
_START_S = 300.0  # for the first shard to be ready


class Supervisor:
    """`load` reads the configuration file anew; `path`: that file."""

    def __init__(
        self,
        config: FleetConfig,
        engine: Engine,
        *,
        path: Path | None = None,
        load: Callable[[], FleetConfig] | None = None,
        models: str = "",
        board: Board | None = None,
    ) -> None:
        self._config, self._engine, self._path, self._load, self._models = config, engine, path, load, models
        fleet = config.fleet
        self.control = Control(
            Rules(fill=fleet.fill, gap=fleet.gap, cost=fleet.cost), silent_s=fleet.silent_s, lease_s=fleet.lease_s
        )
        self.board = board or Board()
        self._stamp = self._stamp_of()
        self._settings = camera_settings(config)
        self._environment = environment_of(config)
        self._missing: dict[str, float] = {}  # shards that have no place any more: since when
        self._ready = self._placed = False
        self._ready_at: float | None = None
        self._costs: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Supervises until `stop` is set. ConfigError where another one does; OutputError where the store is away at
        the start."""
        database = open_database(self._config.store.path, create=True, run=True)
        try:
            mine = supervise(database, stop)
            if mine is None:
                return
            leases = Leases(database)
            self.control.tokens({camera: one.token for camera, one in leases.last().items()})
            self._costs = costs_of(leases)
            keeper = Keeper(database, mine, self._config.fleet.lease_s)
            try:
                self._loop(keeper, stop)
            finally:
                self._engine.close()
                keeper.close()
        finally:
            self._engine.close()
            database.close()

    def _loop(self, keeper: Keeper, stop: threading.Event) -> None:
        began = time.monotonic()
        while not stop.wait(STEP_S):
            if keeper.superseded:
                raise ConfigError(f"{self._config.store.path}: another fleet process supervises it by now: end one")
            self._follow_file()
            self.control.drain(keeper.draining)
            self.step(time.monotonic(), now(), keeper)
            if not self._ready and time.monotonic() - began > _START_S:
                raise ConfigError(f"no process of the fleet was ready within {_START_S:.0f} s: see the log above")

    def step(self, now_s: float, at: int, keeper: Keeper | None = None) -> None:
        """One turn."""
        places = {place.shard: place for place in self._engine.places()}
        for shard, values in self._engine.answers():
            if shard in places:
                self._take(places[shard], report_of(values), now_s)
        for shard, why in self._engine.ended():
            if shard in self.control.shards and not self.control.shards[shard].dead:
                _log.warning("%s: its process %s; its cameras go to others", shard, why)
            self.control.died(shard, now_s)
        self._forget_missing(places, now_s, keeper)
        self._place(places, now_s)
        for move in self.control.step(now_s, at):
            _log.info("%s", told(move))
        nodes = nodes_of(self.control, at)
        if keeper is not None:
            keeper.note(self.control.grants, nodes)
        self.board.show(self.control, nodes, now_s, "" if keeper is None or keeper.reachable else keeper.error)
        for shard in places:
            known = self.control.shards.get(shard)
            grants = {} if known is None or known.refused else self.control.grants_of(shard)
            settings = {name: self._settings[name] for name in grants if name in self._settings}
            grants = {name: one for name, one in grants.items() if name in settings}
            self._engine.tell(shard, asdict(Order(self.control.number, now(), grants, settings, self._environment)))

    def _place(self, places: dict[str, Place], now_s: float) -> None:
        """Cameras are placed once all shards are there, or some for a while: or else all would be at the first."""
        if self._placed or not self._ready:
            return
        self._ready_at = now_s if self._ready_at is None else self._ready_at
        if all(name in self.control.shards for name in places) or now_s - self._ready_at >= _GATHER_S:
            self._placed = True
            self.control.cameras(self._config.cameras, self._costs)

    def _take(self, place: Place, report: ShardReport, now_s: float) -> None:
        known = self.control.shards.get(place.shard)
        is_new = known is None or known.process != report.process
        self.control.report(place.shard, place.node, place.cores, report, now_s)
        if not is_new:
            return
        fault = report.error or self._difference(report)
        if fault:
            _log.error("%s: refused: %s", place.shard, fault)
            self.control.refuse(place.shard, fault, now_s)
            self._check_hopeless(fault)
        else:
            self._ready = True
            _log.info("%s: ready, %.1f cores", place.shard, place.cores)

    def _difference(self, report: ShardReport) -> str:
        """What keeps a shard from reading beside the others."""
        version = own_version()
        if report.version != version:
            return f"has alpr-streamer {report.version}, this process {version}: install the same version"
        if self._models and report.models != self._models:
            return f"has networks {report.models}, this process {self._models}: install the same files"
        return ""

    def _check_hopeless(self, fault: str) -> None:
        """Ends the fleet where no shard can read at all."""
        there = {place.shard for place in self._engine.places()}
        refused = [s for s in self.control.shards.values() if s.refused and s.name in there]
        if len(refused) == len(there) and not self._ready:
            kind = ModelError if "network" in fault or "model" in fault else ConfigError
            raise kind(f"{refused[-1].name}: {fault}")

    def _forget_missing(self, places: dict[str, Place], now_s: float, keeper: Keeper | None) -> None:
        """Shards of nodes that left, and did not come back for long."""
        for name in [n for n in self.control.shards if n not in places]:
            since = self._missing.setdefault(name, now_s)
            self.control.died(name, now_s)
            if now_s - since >= _GONE_S:
                node = self.control.shards[name].node
                self.control.forget(name)
                del self._missing[name]
                if keeper is not None and all(s.node != node for s in self.control.shards.values()):
                    keeper.forget([node])
        for name in [n for n in self._missing if n in places]:
            del self._missing[name]

    # The configuration

    def _stamp_of(self) -> tuple[int, int] | None:
        try:
            found = None if self._path is None else self._path.stat()
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size)

    def _follow_file(self) -> None:
        stamp = self._stamp_of()
        if stamp is None or stamp == self._stamp or self._load is None:
            return
        self._stamp = stamp
        try:
            new = self._load()
            new.check_addresses()
        except AlprError as error:
            _log.error("%s; the fleet goes on as it was", error)
            return
        if shared_settings(new) != shared_settings(self._config):
            _log.error(
                "%s: only cameras and fleet.nodes can be changed while a fleet runs: end it and start it again for the "
                "rest; it goes on as it was",
                self._path,
            )
            return
        before, self._settings = self._settings, camera_settings(new)
        self._config, self._environment = new, environment_of(new)
        if self._placed:
            self.control.cameras(new.cameras)
        self._engine.resize(new.fleet.nodes)
        added = [n for n in self._settings if n not in before]
        gone = [n for n in before if n not in self._settings]
        changed = [n for n, s in self._settings.items() if n in before and before[n] != s]
        parts = [f"{word} {', '.join(names)}" for word, names in
                 (("new:", added), ("gone:", gone), ("changed:", changed)) if names]  # fmt: skip
        _log.info("%s: read again; %s", self._path, "; ".join(parts) or "no camera changed")


def supervise(database: Database, stop: threading.Event) -> Lease | None:
    """The right to supervise the store's fleet; waits for one whose holder may have died; None where it was stopped."""
    leases, holder = Leases(database), f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
    deadline = time.monotonic() + 2 * SUPERVISOR_S
    told_it = False
    while True:
        at = now()
        mine = leases.supervise(holder, at, at + round(SUPERVISOR_S * 1e6))
        if mine is not None:
            return mine
        other = leases.supervisor()
        name = "another process" if other is None else other.holder.rsplit("-", 1)[0]
        if time.monotonic() > deadline:
            raise ConfigError(f"{database.name}: {name} supervises its fleet: end that first, or use another store")
        if not told_it:
            _log.info("%s: waits whether %s still supervises its fleet", database.name, name)
            told_it = True
        if stop.wait(0.5):
            return None


def camera_settings(config: FleetConfig) -> dict[str, Any]:
    """The settings of each camera, as shards get them."""
    return {
        name: camera.model_dump(mode="json", exclude_unset=True, by_alias=True)
        for name, camera in config.cameras.items()
    }


def shared_settings(config: FleetConfig) -> dict[str, Any]:
    """All settings but cameras, as shards start with them."""
    values = config.model_dump(mode="json", exclude_unset=True, by_alias=True, exclude={"cameras"})
    values["fleet"] = {key: value for key, value in values.get("fleet", {}).items() if key != "nodes"}
    return values


def environment_of(config: FleetConfig) -> dict[str, str]:
    """The variables that addresses of cameras and store need."""
    texts = [config.store.path, *(camera.url for camera in config.cameras.values())]
    names = {name for text in texts for name in VARIABLE.findall(text)}
    return {name: os.environ[name] for name in sorted(names) if name in os.environ}


def costs_of(leases: Leases) -> dict[str, float]:
    """What cameras cost when a fleet ran last."""
    costs: dict[str, float] = {}
    for node in leases.nodes():
        for camera in node.details.get("cameras", []):
            if isinstance(camera.get("cost"), int | float):
                costs[str(camera["name"])] = float(camera["cost"])
    return costs


def told(move: Move) -> str:
    """A move in words."""
    if move.source is None:
        return f"{move.camera}: is read by {move.target}"
    why = {
        "gone": f"{move.source} is gone", "drained": f"{move.source} is drained",
        "behind": f"{move.source} is behind", "balance": f"{move.source} has more to do", "new": "",
    }[move.why]  # fmt: skip
    return f"{move.camera}: goes from {move.source} to {move.target} ({why})"
