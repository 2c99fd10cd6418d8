from __future__ import annotations

import numpy as np
import pytest

from streamer.source.packet_activity import PacketActivity
from streamer.source.slices import Slice


def learned(sizes: np.ndarray, first: Slice | None = None, interval: int = 25) -> PacketActivity:
    activity = PacketActivity()
    for k, size in enumerate(sizes):
        key = k % interval == 0
        assert not activity.add(int(size) * (10 if key else 1), first, key=key, learn=True)
    return activity


def quiet(count: int = 400, spread: float = 0.1, seed: int = 0) -> np.ndarray:
    return 2000 * np.exp(np.random.default_rng(seed).normal(0, spread, count))


@pytest.mark.parametrize(("factor", "unusual"), [(1.0, False), (0.3, False), (1.1, False), (2.0, True), (8.0, True)])
def test_larger_packets_are_unusual(factor: float, unusual: bool) -> None:
    activity = learned(quiet())
    found = [activity.add(int(factor * s), None, key=False, learn=True) for s in quiet(10, seed=1)]
    assert any(found) == unusual


def test_one_large_packet_is_not_enough() -> None:
    activity = learned(quiet())
    assert not activity.add(40000, None, key=False, learn=True)


def test_equal_sizes_at_a_coarser_quantiser_are_unusual() -> None:
    """What a rate control does of motion: the size stays, the quantiser rises."""
    activity = learned(quiet(spread=0.02), Slice(0, 30))
    for k, size in enumerate(quiet(50, 0.02, 2)):  # the rate control also went there by itself, with smaller packets
        activity.add(int(0.55 * size), Slice(0, 34), key=k % 25 == 0, learn=True)
    assert any(activity.add(int(s), Slice(0, 34), key=False, learn=False) for s in quiet(10, 0.02, 3))


def test_kinds_of_slices_have_bands_of_their_own() -> None:
    activity = PacketActivity()
    for k in range(300):  # P and B pictures in turn
        assert not activity.add(1000 if k % 3 else 9000, Slice(1 if k % 3 else 0, 30), key=k == 0, learn=True)
    assert any(activity.add(9000, Slice(1, 30), key=False, learn=False) for _ in range(5))


def test_a_new_level_becomes_usual() -> None:
    activity = learned(quiet())
    found = [activity.add(int(3 * s), None, key=False, learn=True, fast=True) for s in quiet(300, seed=4)]
    assert found[5]
    assert not any(found[-100:])


def test_nothing_is_unusual_before_anything_is_known() -> None:
    activity = PacketActivity()
    assert not any(activity.add(size, None, key=False, learn=False) for size in (10, 10**6, 1, 0, 10**7))


def test_false_alarms_raise_the_limit_and_quiet_packets_lower_it() -> None:
    activity = learned(quiet())
    before = activity.limit
    activity.confirm(False)
    raised = activity.limit
    assert raised > before
    activity.confirm(True)
    assert activity.limit == raised
    for _ in range(100):
        activity.confirm(False)
    assert activity.limit < 10
    for k, size in enumerate(np.concatenate([quiet(2000, seed=s) for s in range(20)])):
        activity.add(int(size), None, key=k % 25 == 0, learn=True)
    assert activity.limit < before


@pytest.mark.parametrize("ever", [0.05, 0.3])
def test_alarms_are_rare_in_a_quiet_scene(ever: float) -> None:
    """An hour of packets: about one alarm a minute at most, whatever the noise."""
    activity, alarms, rng = PacketActivity(), 0, np.random.default_rng(1)
    for k in range(60 * 1500):
        size = 3000 * np.exp(rng.normal(0, ever) + 0.3 * np.sin(k / 40))
        if activity.add(int(size), None, key=k % 50 == 0, learn=True):
            alarms += 1
            activity.confirm(False)
    assert alarms < 90
