"""Which shard reads which camera: tables of single decisions, and properties of any course of events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.cluster.fleet.placement import Load, Placement, Rules


def placed(costs: dict[str, float], **shards: float) -> Placement:
    """Cameras of known cost on shards of so many cores."""
    placement = Placement()
    for name, cores in shards.items():
        placement.joined(name, cores, 0.0)
    placement.wanted(costs, costs)
    placement.decide(0.0)
    for name in shards:
        placement.measured(name, {c: Load(costs[c]) for c in placement.of_shard(name)}, 0.0)
    return placement


def whys(placement: Placement, now_s: float) -> list[str]:
    return [move.why for move in placement.decide(now_s)]


def test_cost_counts_and_not_the_number() -> None:
    placement = placed({"big": 1.6, "s1": 0.4, "s2": 0.4, "s3": 0.4, "s4": 0.4}, a=2, b=2)
    (alone,) = placement.of_shard(placement.where["big"])
    assert alone == "big"
    assert placement.short(0.0) == 0


def test_a_dead_shards_cameras_go_and_no_other_moves() -> None:
    placement = placed({f"c{k}": 0.3 for k in range(6)}, a=2, b=2, c=2)
    lost, before = placement.of_shard("a"), placement.where
    placement.gone("a", 10.0)
    moves = placement.decide(10.0)
    assert {move.camera for move in moves} == lost
    assert {move.why for move in moves} == {"gone"}
    assert all(placement.where[name] == before[name] for name in before if name not in lost)
    assert sorted(len(placement.of_shard(s)) for s in "bc") == [3, 3]


def test_drained_shards_give_up_all_and_get_none() -> None:
    placement = placed({f"c{k}": 0.3 for k in range(4)}, a=2, b=2)
    placement.drain("a")
    assert whys(placement, 5.0) == ["drained", "drained"]
    assert placement.of_shard("a") == set()
    placement.wanted([*placement.where, "new"])
    placement.decide(6.0)
    assert placement.where["new"] == "b"
    placement.drain("a", False)
    assert whys(placement, 400.0) == ["balance"]


def test_a_new_shard_takes_cameras_one_at_a_time() -> None:
    placement = placed({f"c{k}": 0.4 for k in range(6)}, a=2, b=2)
    placement.joined("c", 2, 10.0)
    placement.decide(10.0)
    assert len(placement.of_shard("c")) == 1
    assert whys(placement, 11.0) == []
    for at in range(12, 200):
        placement.decide(float(at))
    assert sorted(len(placement.of_shard(s)) for s in "abc") == [2, 2, 2]


def test_a_shard_that_is_behind_gives_up_what_helps() -> None:
    placement = placed({"a": 1.2, "b": 0.5, "c": 0.4, "d": 0.3}, x=2, y=2)
    slow = placement.where["a"]
    other = "y" if slow == "x" else "x"
    placement.measured(slow, {name: Load(1.5, age_s=0.9) for name in placement.of_shard(slow)}, 1.0)
    assert placement.is_behind(slow)
    before = placement.of_shard(slow)
    placement.joined("z", 4, 2.0)
    placement.gone(other, 2.0)  # its cameras come to where there is room
    placement.decide(2.0)
    assert placement.of_shard(slow) == before
    for at in range(3, 40):
        late = {name: Load(placement.cost(name), age_s=0.9) for name in placement.of_shard(slow)}
        placement.measured(slow, late, float(at))
        if moves := placement.decide(float(at)):
            assert (at >= 11, moves[0].why, moves[0].source, moves[0].target) == (True, "behind", slow, "z")
            return
    assert len(before) == 1  # nothing to give up


def test_what_a_shard_leaves_out_goes_where_there_is_room() -> None:
    placement = placed({f"c{k}": 0.3 for k in range(4)}, a=2)
    costs = {name: placement.cost(name) for name in placement.where}
    for at in range(1, 12):  # its ladder of overload keeps its frames young, and its cameras cheap
        loads = {name: Load(0.05, paused=name in ("c2", "c3")) for name in placement.of_shard("a")}
        placement.measured("a", loads, float(at), relieved=True)
        assert whys(placement, float(at)) == []
    assert {name: placement.cost(name) for name in placement.where} == costs
    assert placement.is_behind("a")
    placement.joined("b", 2, 12.0)
    assert whys(placement, 12.0) == ["behind", "behind"]
    assert placement.of_shard("b") == {"c2", "c3"}


def test_behind_with_one_camera_or_without_room_elsewhere_stays() -> None:
    placement = placed({"one": 1.5, "two": 1.5}, a=2, b=2)
    for at in range(0, 60, 2):
        for shard in "ab":
            late = {name: Load(1.5, age_s=0.9) for name in placement.of_shard(shard)}
            placement.measured(shard, late, float(at))
        assert whys(placement, float(at)) == []


def test_too_few_cores_leave_no_camera_out() -> None:
    placement = placed({f"c{k}": 1.0 for k in range(6)}, a=2, b=2)
    assert len(placement.where) == 6
    assert sorted(len(placement.of_shard(s)) for s in "ab") == [3, 3]
    assert round(placement.short(0.0), 3) == round(6 - 2 * 2 * Rules().fill, 3)


def test_a_shard_that_keeps_dying_waits() -> None:
    placement = placed({"one": 0.5, "two": 0.5}, a=2, b=2)
    for at in (10.0, 20.0, 30.0):
        placement.gone("a", at)
        placement.decide(at)
        placement.joined("a", 2, at + 1)
    placement.wanted(["one", "two", "three"])
    placement.decide(32.0)
    assert placement.of_shard("a") == set()
    placement.gone("b", 33.0)  # the only one left is better than none
    placement.decide(33.0)
    assert len(placement.of_shard("a")) == 3


def test_drops_count_as_cost_and_falls_are_slow() -> None:
    placement = placed({"one": 0.5}, a=2)
    placement.measured("a", {"one": Load(0.5, drops=0.5)}, 1.0)
    assert 0.7 < placement.cost("one") <= 1.0
    high = placement.cost("one")
    placement.measured("a", {"one": Load(0.1)}, 2.0)
    assert high * 0.95 < placement.cost("one") < high


def test_a_camera_that_is_wanted_no_more_is_nowhere() -> None:
    placement = placed({"one": 0.5, "two": 0.5}, a=2)
    placement.wanted(["two"])
    assert placement.where == {"two": "a"}
    assert placement.of_shard("a") == {"two"}


@st.composite
def _events(draw: st.DrawFn) -> list[tuple[str, str, float]]:
    kinds = st.sampled_from(["joined", "gone", "drain", "undrain", "late", "calm", "camera", "less"])
    one = st.tuples(kinds, st.sampled_from("abcd"), st.floats(0.05, 1.5))
    return draw(st.lists(one, max_size=40))


@settings(max_examples=60, deadline=None)
@given(_events())
def test_whatever_happens(events: list[tuple[str, str, float]]) -> None:
    """Every camera is at exactly one shard, at a usable one where there is any; nothing moves without a reason; what
    is full gets nothing while another has room."""
    placement, wanted, here, draining = Placement(), dict[str, float](), set[str](), set[str]()
    for second, (kind, shard, cost) in enumerate(events):
        now = 5.0 * second
        match kind:
            case "joined":
                placement.joined(shard, 4.0, now)
                here.add(shard)
            case "gone":
                placement.gone(shard, now)
                here.discard(shard)
            case "drain" | "undrain":
                placement.drain(shard, kind == "drain")
                if shard in here or shard in draining or placement.of_shard(shard):
                    (draining.add if kind == "drain" else draining.discard)(shard)
            case "late" | "calm":
                age = 0.9 if kind == "late" else 0.0
                placement.measured(shard, {c: Load(wanted[c], age) for c in placement.of_shard(shard)}, now)
            case "camera":
                wanted[f"{shard}{second}"] = cost
            case "less":
                wanted.pop(next(iter(wanted), ""), None)
        placement.wanted(wanted, wanted)
        before = placement.where
        moves = placement.decide(now)
        where = placement.where
        assert sorted(c for s in "abcd" for c in placement.of_shard(s)) == sorted(where)
        assert len({move.camera for move in moves}) == len(moves)
        assert {m.camera for m in moves} == {c for c in where if before.get(c) != where[c]}
        for name in (n for n in "abcd" if placement.of_shard(n)):
            assert abs(placement.load(name) - sum(map(placement.cost, placement.of_shard(name)))) < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=30), st.integers(2, 6))
def test_all_have_room_where_the_cores_suffice(costs: list[float], count: int) -> None:
    placement = Placement()
    for k in range(count):
        placement.joined(f"s{k}", 4.0, 0.0)
    placement.wanted([f"c{k}" for k in range(len(costs))], {f"c{k}": cost for k, cost in enumerate(costs)})
    placement.decide(0.0)
    assert len(placement.where) == len(costs)
    room = 4.0 * Rules().fill
    if sum(costs) <= count * (room - 1.0):
        assert all(placement.load(f"s{k}") <= room for k in range(count))
    placement.gone("s0", 1.0)
    moves = placement.decide(1.0)
    assert {move.source for move in moves} <= {"s0"}
    assert not placement.of_shard("s0")
