"""The simulated fleet: a small one, for a few hours with many failures."""

from __future__ import annotations

from streamer.cluster.fleet.simulate import Scenario, Simulation

SMALL = Scenario(cameras=40, nodes=10, hours=3.0, failures=24.0, seed=3)


def test_failures_cost_seconds_and_no_row_beside() -> None:
    outcome = Simulation(SMALL).run()
    told = outcome.summary()
    assert told["failures"] >= 10
    assert told["twice"] == 0
    assert told["moves"]["gone"] <= 6 * told["failures"]  # only what has to move
    assert told["gap_longest_s"] < 15.0
    assert outcome.rows_in_gaps < 0.001 * outcome.rows
    assert all(share <= 1.0 for _, _, _, share in outcome.shares)


def test_the_same_seed_gives_the_same_day_and_no_failures_no_moves() -> None:
    quiet = Scenario(cameras=10, nodes=4, hours=1.0, failures=0.0, seed=5)
    first, second = Simulation(quiet).run(), Simulation(quiet).run()
    assert first.series() == second.series()
    assert first.summary()["moves"]["gone"] == 0
    assert first.summary()["gap_longest_s"] == 0
