"""Who holds the right to read a camera, and when it goes to another."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.cluster.fleet.control import Control
from streamer.cluster.fleet.reports import CameraReport, Grant, ShardReport


class Shard:
    """A process that follows orders, when it is asked to."""

    def __init__(self, control: Control, name: str, cores: float = 4.0) -> None:
        self.control, self.name, self.cores = control, name, cores
        self.starts, self.order, self.open = 1, 0, dict[str, Grant]()

    def report(self, now_s: float) -> None:
        cameras = {name: CameraReport(grant.token, cores=0.5) for name, grant in self.open.items()}
        report = ShardReport(f"{self.name}-{self.starts}", self.order, cameras)
        self.control.report(self.name, self.name, self.cores, report, now_s)

    def follow(self) -> None:
        self.open, self.order = self.control.grants_of(self.name), self.control.number

    def restart(self) -> None:
        self.starts, self.order, self.open = self.starts + 1, 0, {}


def fleet(count: int = 2, cameras: int = 4) -> tuple[Control, list[Shard]]:
    """Shards that read their cameras."""
    control = Control()
    shards = [Shard(control, f"s{k}") for k in range(count)]
    control.cameras([f"c{k}" for k in range(cameras)])
    turn(control, shards, 0.0)
    turn(control, shards, 0.5)
    return control, shards


def turn(control: Control, shards: list[Shard], now_s: float) -> None:
    for shard in shards:
        shard.report(now_s)
    control.step(now_s, round(now_s * 1e6))
    for shard in shards:
        shard.follow()


def test_all_are_granted_once() -> None:
    control, (one, two) = fleet()
    assert sorted([*one.open, *two.open]) == ["c0", "c1", "c2", "c3"]
    assert {g.token for g in control.grants.values()} == {1}


def test_known_tokens_are_gone_beyond() -> None:
    control = Control()
    control.tokens({"c0": 7})
    control.cameras(["c0"])
    turn(control, [Shard(control, "s0")], 0.0)
    assert control.grants["c0"].token == 8


def test_a_moved_camera_waits_until_its_holder_has_closed_it() -> None:
    control, (one, two) = fleet()
    mine = set(one.open)
    control.drain(["s0"])
    one.report(1.0), two.report(1.0)
    control.step(1.0, 1)
    assert {control.grants[c].holder for c in mine} == {"s0-1"}
    assert control.grants_of("s0") == {}
    two.follow()
    assert len(two.open) == 2
    one.report(1.5), two.report(1.5)  # it has not heard yet
    control.step(1.5, 2)
    assert {control.grants[c].holder for c in mine} == {"s0-1"}
    one.follow()
    one.report(2.0), two.report(2.0)
    control.step(2.0, 3)
    assert {control.grants[c] for c in mine} == {Grant(c, 2, "s1-1", 3) for c in mine}


def test_a_dead_holder_is_not_waited_for_and_a_silent_one_is() -> None:
    control, (one, two) = fleet()
    mine = set(one.open)
    control.died("s0", 1.0)
    two.report(1.0)
    control.step(1.0, 9)
    assert {control.grants[c].holder for c in mine} == {"s1-1"}

    control, (one, two) = fleet()
    for tenth in range(10, 55):
        two.report(tenth / 10)
        control.step(tenth / 10, tenth)
    assert {control.grants[c].holder for c in mine} == {"s0-1"}  # gone for placement, still the holder
    two.report(6.0)
    control.step(6.0, 60)
    assert {control.grants[c].holder for c in mine} == {"s1-1"}
    one.report(7.0)
    assert control.grants_of("s0") == {}


def test_the_last_words_of_a_dead_process_do_not_bring_it_back() -> None:
    control, (one, two) = fleet()
    mine = set(one.open)
    control.died("s0", 1.0)
    one.report(1.0), two.report(1.0)
    control.step(1.0, 9)
    assert {control.grants[c].holder for c in mine} == {"s1-1"}


def test_a_restarted_process_gets_new_grants() -> None:
    control, (one, two) = fleet()
    mine = set(one.open)
    one.restart()
    turn(control, [one, two], 1.0)
    turn(control, [one, two], 1.5)
    assert all(control.grants[c].token == 2 and control.grants[c].holder != "s0-1" for c in mine)


def test_a_refused_shard_reads_nothing() -> None:
    control = Control()
    control.cameras(["c0"])
    bad = Shard(control, "s0")
    bad.report(0.0)
    control.refuse("s0", "another version", 0.0)
    for at in range(3):
        turn(control, [bad], float(at))
    assert (control.grants, bad.open) == ({}, {})
    good = Shard(control, "s1")
    turn(control, [bad, good], 5.0)
    turn(control, [bad, good], 6.0)
    assert list(good.open) == ["c0"]


def test_one_that_cannot_start_says_why() -> None:
    control = Control()
    control.cameras(["c0"])
    control.report("s0", "s0", 4.0, ShardReport("p", error="no networks"), 0.0)
    control.step(0.0, 0)
    assert (control.shards["s0"].refused, control.grants) == ("no networks", {})


def test_a_camera_left_out_of_the_configuration_is_closed() -> None:
    control, (one, two) = fleet()
    control.cameras(["c1"])
    turn(control, [one, two], 1.0)
    turn(control, [one, two], 1.5)
    assert list(control.grants) == ["c1"]
    assert [*one.open, *two.open] == ["c1"]
    control.cameras(["c1", "c0"])
    turn(control, [one, two], 2.0)
    turn(control, [one, two], 2.5)
    assert control.grants["c0"].token == 2


_STEPS = st.lists(
    st.tuples(st.sampled_from(["kill", "freeze", "back", "drain", "undrain", "told", "cut"]), st.integers(0, 3)),
    max_size=60,
)


@settings(max_examples=80, deadline=None)
@given(_STEPS)
def test_whatever_fails_nobody_reads_with_anothers_right(events: list[tuple[str, int]]) -> None:
    """Each camera has one grant of the highest token; of processes that are alive and hear the supervisor none reads a
    camera of another's, and all are read in the end."""
    control = Control()
    shards = [Shard(control, f"s{k}") for k in range(4)]
    control.cameras([f"c{k}" for k in range(8)])
    frozen, dead, drained, seen = set[int](), set[int](), set[str](), dict[str, int]()
    now = 0.0

    def step(seconds: float) -> None:
        nonlocal now
        now += seconds
        for k, shard in enumerate(shards):
            if k not in frozen and k not in dead:
                shard.report(now)
        control.step(now, round(now * 1e6))
        for k, shard in enumerate(shards):
            if k not in frozen and k not in dead and shard.name in control.shards:
                shard.follow()
        for camera, grant in control.grants.items():
            assert grant.token >= seen.get(camera, 0)
            seen[camera] = grant.token
        reading = [c for k, s in enumerate(shards) if k not in frozen and k not in dead for c in s.open]
        assert len(set(reading)) == len(reading)

    for kind, k in events:
        match kind:
            case "kill":
                dead.add(k)
                shards[k].restart()
                control.died(f"s{k}", now)
            case "freeze":
                frozen.add(k)
            case "back":
                frozen.discard(k)
                dead.discard(k)
            case "drain" | "undrain":
                (drained.add if kind == "drain" else drained.discard)(f"s{k}")
                control.drain(drained)
        step({"told": 0.1, "cut": 6.0}.get(kind, 0.5))
    frozen.clear(), dead.clear(), drained.clear()
    control.drain(())
    read = set[str]()
    for k in range(12):
        step(1.0)
        if k >= 9:  # one may just be on its way to another shard
            read |= {c for s in shards for c in s.open}
    assert read == {f"c{k}" for k in range(8)}
