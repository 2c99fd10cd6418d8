"""The supervisor's decisions: placement, and who holds the right to read each camera.

A camera has one holder at a time. It goes to another shard only once its holder has closed it, is known to be dead, or
was silent for as long as a grant lasts without a sign of life (`lease_s`). Each grant has a higher fencing token than
all before, and the store refuses what the holder of a lower one read later (store/inbox.py).

Pure: told what happens and the time; no clock, thread or log. Needs no database: the tokens of all grants are known
here, so that cameras of a dead node move on while the database is away, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streamer.cluster.fleet.placement import Load, Move, Placement, Rules
from streamer.cluster.fleet.reports import Grant, ShardReport


@dataclass
class ShardState:
    """A shard as the supervisor knows it. `process`: the last one that answered; `dead`: whether it is known to have
    ended; `refused`: why it gets no cameras."""

    name: str
    node: str
    cores: float
    heard_s: float
    process: str = ""
    dead: bool = False
    silent: bool = False
    refused: str = ""
    report: ShardReport | None = None
    totals: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # token, frames, drops at the last report


class Control:
    """Tell it of shards, reports and cameras; `step` decides, `grants_of` is what a shard is to read from then on.
    `silent_s`: a shard that does not answer for so long counts as gone; `lease_s`: after which it reads no more, or
    only what the store will refuse."""

    def __init__(self, rules: Rules | None = None, *, silent_s: float = 3.0, lease_s: float = 5.0) -> None:
        self.placement = Placement(rules)
        self.silent_s, self.lease_s = silent_s, lease_s
        self.shards: dict[str, ShardState] = {}
        self.grants: dict[str, Grant] = {}
        self._tokens: dict[str, int] = {}
        self._draining: set[str] = set()  # nodes
        self.number = 0  # of the last step; orders carry it
        self._revoked: dict[str, int] = {}  # cameras that their holder is to close: the first order that says so

    def tokens(self, last: Mapping[str, int]) -> None:
        """The highest token that was ever granted for each camera, as the store knows."""
        for camera, token in last.items():
            self._tokens[camera] = max(token, self._tokens.get(camera, 0))

    def cameras(self, wanted: Iterable[str], costs: Mapping[str, float] | None = None) -> None:
        """All cameras that are to be read."""
        self.placement.wanted(wanted, costs)

    def report(self, shard: str, node: str, cores: float, report: ShardReport, now_s: float) -> None:
        """A shard answered."""
        known = self.shards.get(shard)
        if known is None:
            known = self.shards[shard] = ShardState(shard, node, cores, now_s)
        if known.dead and report.process == known.process:
            return  # its last words
        known.heard_s, known.silent, known.dead, known.cores = now_s, False, False, cores
        if report.process != known.process:
            if known.process:  # it was restarted: what the process before it held is free
                self.placement.gone(shard, now_s)
            known.process, known.totals = report.process, {}
        known.report = report
        if report.error or known.refused:
            known.refused = known.refused or report.error
            self.placement.gone(shard, now_s)
            return
        self.placement.joined(shard, cores, now_s)
        self.placement.drain(shard, node in self._draining)
        self.placement.measured(shard, self._loads(known, report), now_s, relieved=report.overload > 0)

    def refuse(self, shard: str, reason: str, now_s: float) -> None:
        """A shard is not to read anything."""
        self.shards[shard].refused = reason
        self.placement.gone(shard, now_s)

    def died(self, shard: str, now_s: float) -> None:
        """The process of a shard has ended, for certain."""
        known = self.shards.get(shard)
        if known is not None and not known.dead:
            known.dead = True
            self.placement.gone(shard, now_s)

    def forget(self, shard: str) -> None:
        """A shard does not exist any more."""
        del self.shards[shard]
        self.placement.forget(shard)

    def drain(self, nodes: Iterable[str]) -> None:
        """The nodes that are to give up their cameras: all of them."""
        self._draining = set(nodes)
        for shard in self.shards.values():
            self.placement.drain(shard.name, shard.node in self._draining)

    @property
    def draining(self) -> set[str]:
        return set(self._draining)

    def step(self, now_s: float, at: int) -> list[Move]:
        """Decides what follows; `at`: the time of day in microseconds, of new grants."""
        for shard in self.shards.values():
            if not shard.dead and not shard.silent and now_s - shard.heard_s > self.silent_s:
                shard.silent = True
                self.placement.gone(shard.name, now_s)
        moves = self.placement.decide(now_s)
        self.number += 1
        where = self.placement.where
        for camera in [c for c in self.grants if c not in where]:
            self._revoked.setdefault(camera, self.number)
            if self._is_free(camera, now_s):
                self._give_up(camera)
        for camera, target in where.items():
            shard = self.shards[target]
            held = self.grants.get(camera)
            if held is not None and held.holder == shard.process:
                self._revoked.pop(camera, None)
                continue
            if held is not None:
                self._revoked.setdefault(camera, self.number)
                if not self._is_free(camera, now_s):
                    continue
                self._give_up(camera)
            if not (shard.dead or shard.silent or shard.refused):
                token = self._tokens[camera] = self._tokens.get(camera, 0) + 1
                self.grants[camera] = Grant(camera, token, shard.process, at)
        return moves

    def grants_of(self, shard: str) -> dict[str, Grant]:
        """What a shard is to read now; what it reads beside that it is to close."""
        process = self.shards[shard].process
        own = [self.grants[camera] for camera in sorted(self.placement.of_shard(shard)) if camera in self.grants]
        return {grant.camera: grant for grant in own if grant.holder == process}

    def _give_up(self, camera: str) -> None:
        del self.grants[camera]
        del self._revoked[camera]

    def holder(self, camera: str) -> ShardState | None:
        """The shard whose present process holds a camera."""
        grant = self.grants.get(camera)
        return next((s for s in self.shards.values() if grant is not None and s.process == grant.holder), None)

    def _is_free(self, camera: str, now_s: float) -> bool:
        """Whether the holder of a camera reads it no more."""
        shard = self.holder(camera)
        if shard is None or shard.dead:
            return True  # of a process that has ended, or was replaced
        if now_s - shard.heard_s > self.lease_s:
            return True
        report, told = shard.report, self._revoked.get(camera)
        return report is not None and told is not None and report.order >= told and camera not in report.cameras

    def _loads(self, shard: ShardState, report: ShardReport) -> dict[str, Load]:
        loads = {}
        for name, one in report.cameras.items():
            token, frames, dropped = shard.totals.get(name, (one.token, 0, 0))
            if token != one.token:
                frames = dropped = 0
            shard.totals[name] = one.token, one.frames, one.dropped
            new, lost = max(one.frames - frames, 0), max(one.dropped - dropped, 0)
            loads[name] = Load(one.cores, one.age_s, lost / max(new + lost, 1), one.state == "paused")
        return loads
