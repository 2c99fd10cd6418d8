"""Shards as actors of a Ray cluster: on every node one for so many cores, which is started again where it ends.

An actor stays on its node: frames never leave the process that decoded them, and which node reads a camera is the
supervisor's decision, not Ray's.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from streamer.cluster.fleet.engine import Place, Start
from streamer.cluster.fleet.reports import ShardReport, order_of
from streamer.cluster.ray_engine import connect, disconnect, report_here
from streamer.errors import AlprError
from streamer.process.memory import keep_memory_small

_log = logging.getLogger(__name__)

_NODES_S = 2.0  # between two looks at the cluster's nodes
_AGAIN_S = 5.0  # before an actor that could not be made is made again
_NO_ANSWER_S = 10.0  # an order that was not answered by then is forgotten
_CLOSE_S = 12.0
_NOBODY_THERE = ("Connection refused", "Connection reset by peer")


class ShardActor:
    """A shard in a process of Ray's. A fault that keeps it from starting is told in its report, as a dead actor could
    not."""

    def __init__(self, name: str, start: dict[str, Any], cores: float) -> None:
        logging.basicConfig(level=start["log_level"], format=f"%(asctime)s %(levelname)s {name} %(message)s")
        keep_memory_small()
        os.environ.update(start["environment"])
        self._shard: Any = None
        self._fault = ShardReport(str(os.getpid()), version=report_here().version)
        try:
            from streamer.cluster.fleet.shard import Shard

            self._shard = Shard(name, start["settings"], cores)
        except AlprError as error:
            self._fault = ShardReport(str(os.getpid()), version=report_here().version, error=str(error))

    def pid(self) -> int:
        return os.getpid()

    def follow(self, order: dict[str, Any] | None) -> dict[str, Any]:
        """Follows an order, or only reports."""
        if self._shard is None:
            return asdict(self._fault)
        return asdict(self._shard.report() if order is None else self._shard.follow(order_of(order)))

    def close(self) -> None:
        if self._shard is not None:
            self._shard.close()


@dataclass(eq=False)
class _Actor:
    place: Place
    node_id: str
    handle: Any = None
    asked: Any = None
    asked_at: float = 0.0
    make_at: float = 0.0
    answered: bool = False
    refused: bool = False


class RayEngine:
    """The shards of the cluster at `address`."""

    def __init__(self, start: Start, address: str, ray: Any = None) -> None:
        self._start = start
        self._ray = connect(address) if ray is None else ray
        self._strategy = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        self._actors: dict[str, _Actor] = {}
        self._answers: list[tuple[str, dict[str, Any]]] = []
        self._ended: list[tuple[str, str]] = []
        self._looked_at = float("-inf")

    def places(self) -> list[Place]:
        self._look()
        return [one.place for one in self._actors.values()]

    def resize(self, nodes: int) -> None:
        """Nodes come to a Ray cluster by themselves."""

    def tell(self, shard: str, order: dict[str, Any]) -> None:
        one = self._actors.get(shard)
        if one is None or one.handle is None or not one.answered or one.refused:
            return
        if one.asked is not None and time.monotonic() - one.asked_at < _NO_ANSWER_S:
            return
        self._ask(one, order)

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        self._work()
        found, self._answers = self._answers, []
        return found

    def ended(self) -> list[tuple[str, str]]:
        self._work()
        found, self._ended = self._ended, []
        return found

    def close(self) -> None:
        if not self._ray.is_initialized():
            return
        closing = [one.handle.close.remote() for one in self._actors.values() if one.handle is not None]
        handles = [one.handle for one in self._actors.values() if one.handle is not None]
        self._actors.clear()
        if closing:
            try:
                self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
            except Exception as error:  # the cluster may be gone
                _log.info("the cluster could not be told to end: %s", _line(error))
        for one in handles:
            try:
                self._ray.kill(one)
            except Exception as error:
                _log.debug("an actor could not be ended: %s", _line(error))
        disconnect()

    def _look(self) -> None:
        """The shards of the nodes that there are now."""
        now = time.monotonic()
        if now - self._looked_at < _NODES_S:
            return
        self._looked_at = now
        try:
            nodes = [n for n in self._ray.nodes() if n["Alive"] and n["Resources"].get("CPU", 0) >= 1]
        except Exception as error:  # the head node is away: what is known stays
            _log.warning("the cluster's head node does not answer (%s); cameras are read on", _line(error))
            return
        there = {}
        for node in nodes:
            cores = float(node["Resources"]["CPU"])
            count = 1 if self._start.shard_cores is None else max(1, int(cores // self._start.shard_cores))
            name = f"{node['NodeManagerAddress']}-{node['NodeID'][:6]}"
            for k in range(count):
                shard = name if count == 1 else f"{name}/{k + 1}"
                there[shard] = (Place(shard, name, cores / count), node["NodeID"])
        for shard in [s for s in self._actors if s not in there]:
            del self._actors[shard]
            self._ended.append((shard, "is gone with its node"))
        for shard, (place, node_id) in there.items():
            if shard not in self._actors:
                self._actors[shard] = _Actor(place, node_id)

    def _work(self) -> None:
        """Makes the actors that are missing, and takes what was answered."""
        now = time.monotonic()
        for one in self._actors.values():
            if one.handle is None and now >= one.make_at:
                self._make(one)
        asked = {one.asked: one for one in self._actors.values() if one.asked is not None}
        if not asked:
            return
        ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=0)
        for reference in ready:
            self._take(asked[reference], reference)

    def _make(self, one: _Actor) -> None:
        start = {
            "settings": self._start.settings,
            "environment": self._start.environment,
            "log_level": self._start.log_level,
        }
        actor = self._ray.remote(ShardActor)
        one.handle = actor.options(
            num_cpus=one.place.cores,
            max_restarts=-1,
            max_task_retries=-1,
            scheduling_strategy=self._strategy(node_id=one.node_id, soft=False),
        ).remote(one.place.shard, start, one.place.cores)
        one.answered = False
        self._ask(one, None)

    def _ask(self, one: _Actor, order: dict[str, Any] | None) -> None:
        # Not repeated by Ray, whatever the actor's option says: a call to a process that has ended would not fail then,
        # but wait until Ray itself finds that the node is dead.
        call = one.handle.follow.options(max_task_retries=0)
        one.asked, one.asked_at = call.remote(order), time.monotonic()

    def _take(self, one: _Actor, reference: Any) -> None:
        one.asked = None
        try:
            report = self._ray.get(reference)
        except Exception as error:  # whatever Ray raises for an actor that died, or could not be made
            if type(error).__name__ == "ActorUnavailableError":
                self._unavailable(one, str(error))
                return
            one.handle, one.make_at = None, time.monotonic() + _AGAIN_S
            self._ended.append((one.place.shard, f"ended ({_line(error)})"))
            return
        one.answered, one.refused = True, bool(report.get("error"))
        self._answers.append((one.place.shard, report))

    def _unavailable(self, one: _Actor, text: str) -> None:
        """No connection, or none any more: Ray may be starting it again, or the network may be at fault. Where its
        machine says that nobody listens there, its process has ended."""
        if any(words in text for words in _NOBODY_THERE):
            self._ended.append((one.place.shard, "ended"))


def _line(error: Exception) -> str:
    """The last line of an error of Ray's, which has its worker's traceback before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
