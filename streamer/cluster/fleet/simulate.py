"""A fleet without cameras and networks: the supervisor's own decisions (control.py) against simulated nodes.

Simulated are what cameras cost over the day, failures of nodes (killed, frozen for a while, a whole rack at once), how
long each is noticed after, and how long it takes to connect to a camera. Everything else is the code of a real fleet.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streamer.cluster.fleet.control import Control
from streamer.cluster.fleet.reports import CameraReport, Grant, ShardReport

_FINE_S, _COARSE_S = 0.5, 60.0  # between two steps while something happens, and otherwise
_FINE_FOR_S = 15.0
_DAY_S = 86400.0


@dataclass(frozen=True)
class Scenario:
    """`failures`: of a node in a day; `frozen`: share of them at which the node is not dead but stops for a while;
    `rack`: nodes that fail together at noon, at most a tenth of all; `rows`: of a camera in an hour at the busiest
    time; `cost`: cores of a camera then, the median of all."""

    cameras: int = 1000
    nodes: int = 200
    cores: float = 4.0
    hours: float = 24.0
    failures: float = 0.5
    frozen: float = 0.25
    rack: int = 10
    rows: float = 120.0
    cost: float = 0.45
    seed: int = 1


@dataclass(frozen=True)
class Gap:
    """A camera that nobody read, from second to second; `why`: it had to leave its shard."""

    camera: str
    began_s: float
    ended_s: float
    why: str

    @property
    def seconds(self) -> float:
        return self.ended_s - self.began_s


@dataclass
class Outcome:
    """What happened: `moves` as (second, why), `shares` as (second, least, mean, greatest load of a node)."""

    scenario: Scenario
    failures: int = 0
    moves: list[tuple[float, str]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    shares: list[tuple[float, float, float, float]] = field(default_factory=list)
    rows: int = 0
    rows_in_gaps: int = 0
    refused: int = 0  # rows that a frozen node wanted to write of cameras that were another's by then
    twice: int = 0  # cameras that two processes read with a valid grant

    def summary(self) -> dict[str, Any]:
        """The figures of a report."""
        forced = [g.seconds for g in self.gaps if g.why in ("gone", "drained")]
        by_choice = [g.seconds for g in self.gaps if g.why not in ("gone", "drained")]
        why = Counter(reason for _, reason in self.moves)
        return {
            "cameras": self.scenario.cameras,
            "nodes": self.scenario.nodes,
            "hours": self.scenario.hours,
            "failures": self.failures,
            "moves": {name: why[name] for name in ("gone", "behind", "balance")},
            "moves_per_failure": round(why["gone"] / max(self.failures, 1), 2),
            "gap_median_s": round(sorted(forced)[len(forced) // 2], 2) if forced else 0.0,
            "gap_longest_s": round(max(forced, default=0.0), 2),
            "gap_longest_by_choice_s": round(max(by_choice, default=0.0), 2),
            "read": round(1 - sum(g.seconds for g in self.gaps) / (self.scenario.cameras * self.scenario.hours * 3600),
                          7),
            "rows": self.rows,
            "rows_in_gaps": self.rows_in_gaps,
            "refused": self.refused,
            "twice": self.twice,
        }  # fmt: skip

    def series(self) -> dict[str, Any]:
        """The figures and what happened over time, for JSON."""
        return {
            "summary": self.summary(),
            "moves": [[round(at, 1), why] for at, why in self.moves],
            "gaps": [[round(g.began_s, 2), round(g.seconds, 2), g.why] for g in self.gaps],
            "shares": [[round(value, 4) for value in one] for one in self.shares],
        }


@dataclass
class _Node:
    name: str
    starts: int = 0
    up: bool = False
    frozen: bool = False
    order: int = 0
    open: dict[str, Grant] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)  # when the first frame of a camera comes

    @property
    def process(self) -> str:
        return f"{self.name}-{self.starts}"


class Simulation:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, progress: Callable[[float], None] = lambda share: None) -> None:
        self._scenario, self._progress = scenario, progress
        self._chance = random.Random(scenario.seed)
        self._control = Control()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._now = 0.0
        self._fine_until = _FINE_FOR_S
        self._nodes = {f"n{k:03}": _Node(f"n{k:03}") for k in range(scenario.nodes)}
        names = [f"c{k:04}" for k in range(scenario.cameras)]
        self._base = {n: min(max(self._chance.lognormvariate(math.log(scenario.cost), 0.5), 0.08), 2.0) for n in names}
        self._phase = {n: self._chance.gauss(0.0, 1.5) for n in names}
        self._read_since: dict[str, float] = {}
        self._unread: dict[str, tuple[float, str]] = {}
        self.outcome = Outcome(scenario)
        self._control.cameras(names)

    def run(self) -> Outcome:
        """Simulates all of it."""
        end = self._scenario.hours * 3600
        for node in self._nodes.values():
            self._start(node)
        self._plan_failures(end)
        sampled = -_COARSE_S
        while self._now < end:
            while self._events and self._events[0][0] <= self._now:
                heapq.heappop(self._events)[2]()
            self._step()
            if self._now - sampled >= _COARSE_S:
                sampled = self._now
                self._sample()
                self._progress(self._now / end)
            step = _FINE_S if self._now < self._fine_until else _COARSE_S
            due = self._events[0][0] if self._events else end
            self._now = min(self._now + step, max(due, self._now + 1e-3), end)
        for camera, (began, why) in self._unread.items():
            self._gap(camera, began, why)
        self._count_rows(end)
        return self.outcome

    # Nodes

    def _start(self, node: _Node) -> None:
        node.up, node.frozen, node.order = True, False, 0
        node.starts += 1
        node.open, node.ready = {}, {}
        self._awake()

    def _plan_failures(self, end: float) -> None:
        s = self._scenario
        for node in self._nodes.values():
            at = 600.0
            while s.failures and (at := at + self._chance.expovariate(s.failures / _DAY_S)) < end:
                self._at(at, lambda n=node: self._fail(n))  # type: ignore[misc]
        rack = min(s.rack, s.nodes // 10)
        if rack and end > _DAY_S / 2:
            for node in list(self._nodes.values())[:rack]:
                self._at(_DAY_S / 2, lambda n=node: self._kill(n, 1800.0))  # type: ignore[misc]

    def _fail(self, node: _Node) -> None:
        if not node.up or node.frozen:
            return
        if self._chance.random() < self._scenario.frozen:
            self._freeze(node, self._chance.uniform(1.0, 120.0))
        else:  # half are processes that are started again at once, half are machines
            self._kill(node, 4.0 if self._chance.random() < 0.5 else self._chance.uniform(300.0, 7200.0))

    def _kill(self, node: _Node, away_s: float) -> None:
        if not node.up:
            return
        self.outcome.failures += 1
        process = node.process
        node.up = False
        for camera in node.open:
            self._lost(camera, "gone")
        # Health checks every 0.5 s, three in a row.
        self._at(self._now + self._chance.uniform(1.0, 2.0), lambda: self._told_dead(node, process))
        self._at(self._now + max(away_s, 2.5), lambda: self._start(node))
        self._awake()

    def _told_dead(self, node: _Node, process: str) -> None:
        if node.process == process and not node.up:
            self._control.died(node.name, self._now)
        self._awake()

    def _freeze(self, node: _Node, seconds: float) -> None:
        self.outcome.failures += 1
        node.frozen = True
        for camera in node.open:
            self._lost(camera, "gone")
        self._at(self._now + seconds, lambda: self._thaw(node))
        self._awake()

    def _thaw(self, node: _Node) -> None:
        """It goes on with what it read, until it hears that others read it."""
        if not node.up or not node.frozen:
            return
        node.frozen = False
        for camera, grant in node.open.items():
            newest = self._control.grants.get(camera)
            if newest is not None and newest.token > grant.token:
                self.outcome.refused += self._poisson(self._rate(camera) * _FINE_S)
            else:
                self._found(camera)
        self._awake()

    # Cameras

    def _step(self) -> None:
        for node in self._nodes.values():
            if node.up and not node.frozen:
                self._work(node)
        for move in self._control.step(self._now, round(self._now * 1e6)):
            if move.why != "new":
                self.outcome.moves.append((self._now, move.why))
                if move.why != "gone":
                    self._unread_why(move.camera, move.why)
            self._awake()
        valid = Counter(c for n in self._nodes.values() if n.up for c, g in n.open.items()
                        if self._control.grants.get(c) == g)  # fmt: skip
        self.outcome.twice += sum(count > 1 for count in valid.values())

    def _work(self, node: _Node) -> None:
        """A node follows its last orders, and reports."""
        known = self._control.shards.get(node.name)
        if known is not None and known.process == node.process:
            grants = self._control.grants_of(node.name)
            for camera in [c for c, g in node.open.items() if grants.get(c) != g]:
                self._lost(camera, "moved")
                del node.open[camera], node.ready[camera]
            for camera, grant in grants.items():
                if camera not in node.open:
                    node.open[camera] = grant
                    node.ready[camera] = self._now + self._chance.lognormvariate(math.log(1.2), 0.4)
            node.order = self._control.number
        for camera, ready in node.ready.items():
            if ready <= self._now:
                self._found(camera)
        load = sum(self._cost(camera) for camera in node.open)
        late = load > self._scenario.cores
        share = min(self._scenario.cores / load, 1.0) if load else 1.0
        reports = {
            camera: CameraReport(grant.token, cores=self._cost(camera) * share * self._chance.uniform(0.9, 1.1),
                                 age_s=0.6 if late else 0.05)
            for camera, grant in node.open.items()
        }  # fmt: skip
        report = ShardReport(node.process, node.order, reports)
        self._control.report(node.name, node.name, self._scenario.cores, report, self._now)

    def _cost(self, camera: str) -> float:
        return self._base[camera] * (0.45 + 0.55 * self._traffic(self._now, self._phase[camera]))

    def _rate(self, camera: str) -> float:
        """Rows in a second."""
        return self._scenario.rows / 3600 * self._traffic(self._now, self._phase[camera])

    def _traffic(self, at_s: float, phase_h: float) -> float:
        """Share of the busiest time's: little at night, two peaks by day."""
        hour = (at_s / 3600 + phase_h) % 24
        return 0.05 + 0.75 * math.exp(-(((hour - 8) / 2.5) ** 2)) + 0.95 * math.exp(-(((hour - 16.5) / 3.5) ** 2))

    def _lost(self, camera: str, why: str) -> None:
        if self._read_since.pop(camera, None) is not None:
            self._unread[camera] = (self._now, self._unread.get(camera, (0, why))[1])

    def _unread_why(self, camera: str, why: str) -> None:
        if camera in self._unread:
            self._unread[camera] = (self._unread[camera][0], why)

    def _found(self, camera: str) -> None:
        if camera not in self._read_since:
            self._read_since[camera] = self._now
            began, why = self._unread.pop(camera, (0.0, "new"))
            if why != "new":
                self._gap(camera, began, why)

    def _gap(self, camera: str, began: float, why: str) -> None:
        self.outcome.gaps.append(Gap(camera, began, self._now, why))
        self.outcome.rows_in_gaps += self._poisson(self._rate(camera) * (self._now - began))

    # Figures

    def _sample(self) -> None:
        shares = [self._control.placement.load(n) / s.cores for n, s in self._control.shards.items() if not s.dead]
        if shares:
            self.outcome.shares.append((self._now, min(shares), sum(shares) / len(shares), max(shares)))

    def _count_rows(self, end: float) -> None:
        steps = [k * 600.0 for k in range(int(end // 600))]
        mean = sum(self._traffic(t, p) for p in self._phase.values() for t in steps) * 600 * self._scenario.rows / 3600
        self.outcome.rows = round(mean) - self.outcome.rows_in_gaps

    def _poisson(self, mean: float) -> int:
        count, left = 0, self._chance.expovariate(1.0)
        while left < mean:
            count, left = count + 1, left + self._chance.expovariate(1.0)
        return count

    def _at(self, when: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what))

    def _awake(self) -> None:
        """Steps are short for a while."""
        self._fine_until = self._now + _FINE_FOR_S
