"""Which shard reads which camera. A shard is one process on a node, with the cores that it was given.

Cameras are placed by what they cost, in cores as they were measured, and by the age of their frames, never by count.
A camera stays where it is unless it has to go: its shard is gone, is being drained or falls behind, or the load of
two shards differs much. Where the cores of all shards do not suffice, cameras are placed all the same: the ladder of
overload (pipeline/overload.py) then decides on each shard what is left out.

Pure: told what happens and the time; no clock, thread or log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Why = Literal["new", "gone", "drained", "behind", "balance"]


@dataclass(frozen=True)
class Rules:
    """`fill`: share of a shard's cores that cameras may take; `cost`: cores of a camera that was not measured yet.

    A shard is behind whose frames are older than `age_s`, or that drops more than the share `drops` of them, for
    `behind_s`. It gives up a camera, and another one not before `settle_s` has shown what that changed. Loads are
    balanced where they differ by more than `gap` (share of the cores), a camera a shard in `settle_s`, none that was
    moved within `rest_s`. A shard that died `deaths` times within an hour gets no camera for `probation_s`, twice as
    long with every further death.
    """

    fill: float = 0.85
    cost: float = 0.5
    age_s: float = 0.4
    drops: float = 0.02
    behind_s: float = 10.0
    settle_s: float = 20.0
    gap: float = 0.25
    rest_s: float = 300.0
    deaths: int = 3
    probation_s: float = 60.0


@dataclass(frozen=True)
class Load:
    """A camera as its shard measured it since the last report. `cores`: of CPU, or None where it was not measured;
    `age_s`: median age of its frames when they were done; `drops`: share of its frames that were dropped;
    `paused`: it is left out, as the cores of its shard do not suffice."""

    cores: float | None
    age_s: float = 0.0
    drops: float = 0.0
    paused: bool = False


@dataclass(frozen=True)
class Move:
    """A camera that has another shard from now on. `source`: None for a new one."""

    camera: str
    source: str | None
    target: str
    why: Why


@dataclass
class _Shard:
    cores: float
    cameras: set[str] = field(default_factory=set)
    load: float = 0.0  # cores that they take
    here: bool = True
    draining: bool = False
    behind_since: float | None = None
    limit: float | None = None  # cores that it turned out to have, where it fell behind
    settled_at: float = float("-inf")
    deaths: list[float] = field(default_factory=list)
    probation_until: float = float("-inf")


@dataclass
class _Camera:
    cost: float
    measured: bool = False
    shard: str | None = None
    moved_at: float = float("-inf")
    paused: bool = False


_RISE, _FALL = 0.5, 0.02  # weight of a measurement above, below what was measured so far
_LEAST_COST = 0.01
_HOUR_S = 3600.0
_LONGEST_PROBATION_S = 1800.0


class Placement:
    """Tell it of shards, cameras and loads; `decide` gives the moves that follow."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._shards: dict[str, _Shard] = {}
        self._cameras: dict[str, _Camera] = {}

    # What happens

    def joined(self, shard: str, cores: float, now_s: float) -> None:
        """A shard is there, for the first time or again."""
        known = self._shards.get(shard)
        if known is None:
            self._shards[shard] = _Shard(cores, settled_at=now_s)
        elif not known.here:
            known.here, known.cores, known.settled_at = True, cores, now_s
            known.behind_since = known.limit = None

    def gone(self, shard: str, now_s: float) -> None:
        """A shard died or does not answer: its cameras need another one."""
        known = self._shards.get(shard)
        if known is None or not known.here:
            return
        known.here = False
        known.deaths = [at for at in known.deaths if now_s - at < _HOUR_S] + [now_s]
        surplus = len(known.deaths) - self.rules.deaths
        if surplus >= 0:
            known.probation_until = now_s + min(self.rules.probation_s * 2**surplus, _LONGEST_PROBATION_S)

    def forget(self, shard: str) -> None:
        """A shard does not exist any more."""
        known = self._shards.pop(shard, None)
        for camera in () if known is None else known.cameras:
            self._cameras[camera].shard = None

    def drain(self, shard: str, wanted: bool = True) -> None:
        """Whether a shard is to give up its cameras and get none."""
        if shard in self._shards:
            self._shards[shard].draining = wanted

    def wanted(self, cameras: Iterable[str], costs: Mapping[str, float] | None = None) -> None:
        """The cameras that are to be read, all of them; `costs`: of those known from earlier."""
        names = dict.fromkeys(cameras)
        for name in [known for known in self._cameras if known not in names]:
            self._take(name)
            del self._cameras[name]
        for name in names:
            if name not in self._cameras:
                cost = (costs or {}).get(name)
                self._cameras[name] = _Camera(self.rules.cost if cost is None else cost, cost is not None)

    def holds(self, shard: str, camera: str) -> None:
        """A shard reads a camera already: of one that a supervisor finds when it starts."""
        if shard in self._shards and camera in self._cameras and self._cameras[camera].shard is None:
            self._put(camera, shard)

    def measured(self, shard: str, loads: Mapping[str, Load], now_s: float, *, relieved: bool = False) -> None:
        """What a shard measured of its cameras since the last time. `relieved`: it leaves out work, so that it is
        behind though its frames are not late, and cameras would cost more than they do."""
        known = self._shards.get(shard)
        if known is None:
            return
        for name, load in loads.items():
            camera = self._cameras.get(name)
            if camera is not None and camera.shard == shard:
                camera.paused = load.paused
                if load.cores is not None:
                    _measure(camera, load, falls=not relieved)
        known.load = sum(self._cameras[name].cost for name in known.cameras)
        own = [load for name, load in loads.items() if name in known.cameras]
        late = relieved or any(load.age_s > self.rules.age_s for load in own)
        dropped = sum(load.drops for load in own) > self.rules.drops * len(own)
        if not (late or dropped):
            known.behind_since = None
        elif known.behind_since is None:
            known.behind_since = now_s

    # What follows

    def decide(self, now_s: float) -> list[Move]:
        """The moves to be made now; from then on `where` has them."""
        moves: list[Move] = []
        self._place_the_unread(now_s, moves)
        for name in sorted(self._shards):
            self._relieve(name, now_s, moves)
        self._balance(now_s, moves)
        return moves

    @property
    def where(self) -> dict[str, str]:
        """The shard of each camera that has one."""
        return {name: camera.shard for name, camera in self._cameras.items() if camera.shard is not None}

    @property
    def unplaced(self) -> list[str]:
        """Cameras that no shard reads: there is none for them."""
        return [n for n, c in self._cameras.items() if c.shard is None or not self._shards[c.shard].here]

    def of_shard(self, shard: str) -> set[str]:
        """The cameras of a shard."""
        return set(self._shards[shard].cameras) if shard in self._shards else set()

    def knows(self, shard: str) -> bool:
        """Whether it has heard of a shard."""
        return shard in self._shards

    @property
    def cameras(self) -> list[str]:
        """All that are to be read."""
        return list(self._cameras)

    def cost(self, camera: str) -> float:
        """Cores that a camera takes, as far as is known."""
        return self._cameras[camera].cost

    def load(self, shard: str) -> float:
        """Cores that a shard's cameras take."""
        return max(self._shards[shard].load, 0.0)

    def is_behind(self, shard: str) -> bool:
        """Whether a shard has fallen behind."""
        return shard in self._shards and self._shards[shard].behind_since is not None

    def short(self, now_s: float) -> float:
        """Cores that all usable shards together lack; 0 where they suffice."""
        room = sum(self._room(name) + self.load(name) for name in self._usable(now_s))
        return max(0.0, sum(camera.cost for camera in self._cameras.values()) - room)

    def _place_the_unread(self, now_s: float, moves: list[Move]) -> None:
        usable = self._usable(now_s)
        if not usable:
            return
        there = set(usable)
        homeless = [name for name, camera in self._cameras.items() if camera.shard not in there]
        if not homeless:
            return
        # On probation: only new cameras go elsewhere; those that it still has stay.
        homeless = [n for n in homeless if not self._may_stay(self._cameras[n].shard)]
        for name in sorted(homeless, key=lambda n: (-self._cameras[n].cost, n)):
            camera = self._cameras[name]
            source = camera.shard
            why: Why = "new" if source is None else "drained" if self._shards[source].here else "gone"
            self._move(name, self._freest(usable, camera.cost), why, now_s, moves)

    def _may_stay(self, shard: str | None) -> bool:
        if shard is None:
            return False
        known = self._shards[shard]
        return known.here and not known.draining

    def _relieve(self, name: str, now_s: float, moves: list[Move]) -> None:
        """A shard that is behind gives up the cameras that it leaves out, as far as others have room; or else the one
        that brings it closest to what it can do."""
        shard, rules = self._shards[name], self.rules
        if shard.behind_since is None or not self._may_stay(name):
            return
        if now_s - max(shard.behind_since, shard.settled_at) < rules.behind_s or len(shard.cameras) < 2:
            return
        load = self.load(name)
        others = [n for n in self._usable(now_s) if n != name and self._shards[n].behind_since is None]
        shard.limit = min(load * 0.95, shard.cores * rules.fill if shard.limit is None else shard.limit)
        excess = load - shard.limit
        paused = sorted(c for c in shard.cameras if self._cameras[c].paused)
        nearest = sorted(shard.cameras, key=lambda c: (abs(self._cameras[c].cost - excess), c))
        moved = False
        for camera in paused or nearest:
            target = self._with_room(others, self._cameras[camera].cost)
            if target is not None and len(shard.cameras) > 1:
                self._move(camera, target, "behind", now_s, moves)
                moved = True
                if not paused:
                    break
        if moved:
            shard.behind_since, shard.settled_at = now_s, now_s + rules.settle_s - rules.behind_s

    def _balance(self, now_s: float, moves: list[Move]) -> None:
        """Cameras from the fullest shards to the emptiest: of a new one, of one that came back."""
        rules = self.rules
        usable = [n for n in self._usable(now_s) if self._shards[n].behind_since is None]
        share = {name: self.load(name) / self._shards[name].cores for name in usable}
        if not share or max(share.values()) - min(share.values()) <= rules.gap:
            return
        for low in sorted(usable, key=lambda n: (share[n], n)):
            if now_s - self._shards[low].settled_at < 0:
                continue
            for high in sorted(usable, key=lambda n: (-share[n], n)):
                if share[high] - share[low] <= rules.gap:
                    break
                camera = self._to_balance(high, low, now_s)
                if camera is not None and now_s >= self._shards[high].settled_at:
                    self._move(camera, low, "balance", now_s, moves)
                    self._shards[high].settled_at = self._shards[low].settled_at = now_s + rules.settle_s
                    for one in (high, low):
                        share[one] = self.load(one) / self._shards[one].cores
                    break

    def _to_balance(self, high: str, low: str, now_s: float) -> str | None:
        """The camera whose move brings the two closest to one another; None where none is better than nothing."""
        before = self._difference(high, low, 0.0)
        found = [
            (self._difference(high, low, self._cameras[name].cost), name)
            for name in self._shards[high].cameras
            if now_s - self._cameras[name].moved_at >= self.rules.rest_s and self._cameras[name].measured
            and self._cameras[name].cost <= self._room(low)
        ]  # fmt: skip
        better = min(found, default=None)
        return better[1] if better is not None and better[0] < before - self.rules.gap / 4 else None

    def _difference(self, high: str, low: str, cost: float) -> float:
        first, second = self._shards[high].cores, self._shards[low].cores
        return abs((self.load(high) - cost) / first - (self.load(low) + cost) / second)

    def _usable(self, now_s: float) -> list[str]:
        """Shards that may get cameras: those on probation only where there are no others."""
        there = [name for name, shard in self._shards.items() if shard.here and not shard.draining]
        trusted = [name for name in there if self._shards[name].probation_until <= now_s]
        return trusted or there

    def _room(self, name: str) -> float:
        shard = self._shards[name]
        limit = shard.cores * self.rules.fill
        return (limit if shard.limit is None else min(shard.limit, limit)) - shard.load

    def _with_room(self, names: Iterable[str], cost: float) -> str | None:
        """The emptiest shard that has room for the cost; None where none has."""
        fitting = [name for name in names if self._room(name) >= cost]
        return min(fitting, key=lambda n: ((self.load(n) + cost) / self._shards[n].cores, n), default=None)

    def _freest(self, names: list[str], cost: float) -> str:
        """A shard with room, or else that which is least overloaded then."""
        calm = [name for name in names if self._shards[name].behind_since is None]
        found = self._with_room(calm, cost)
        return found or min(names, key=lambda n: ((self.load(n) + cost) / self._shards[n].cores, n))

    def _move(self, camera: str, target: str, why: Why, now_s: float, moves: list[Move]) -> None:
        source = self._cameras[camera].shard
        self._take(camera)
        self._put(camera, target)
        self._cameras[camera].paused = False
        self._cameras[camera].moved_at = now_s if source is not None else float("-inf")
        moves.append(Move(camera, source, target, why))

    def _put(self, camera: str, shard: str) -> None:
        self._cameras[camera].shard = shard
        self._shards[shard].cameras.add(camera)
        self._shards[shard].load += self._cameras[camera].cost

    def _take(self, camera: str) -> None:
        shard, self._cameras[camera].shard = self._cameras[camera].shard, None
        if shard is not None:
            self._shards[shard].cameras.discard(camera)
            self._shards[shard].load -= self._cameras[camera].cost


def _measure(camera: _Camera, load: Load, *, falls: bool = True) -> None:
    """Follows a rise fast and a fall slowly (or not at all): a camera at night costs little, and comes back in the
    morning. What was dropped would have cost as much as what was not."""
    assert load.cores is not None
    demand = max(load.cores / max(1.0 - load.drops, 0.1), _LEAST_COST)
    if not camera.measured:
        camera.cost, camera.measured = demand, True
        return
    weight = _RISE if demand > camera.cost else _FALL if falls else 0.0
    camera.cost += weight * (demand - camera.cost)
