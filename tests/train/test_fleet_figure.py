"""The picture of a simulated day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamer.cluster.fleet.simulate import Scenario, Simulation
from streamer.errors import InputError
from train.figures.fleet import plot_day, read_day


def test_a_day_is_drawn(tmp_path: Path) -> None:
    outcome = Simulation(Scenario(cameras=12, nodes=4, hours=1.0, failures=48.0)).run()
    (tmp_path / "day.json").write_text(json.dumps(outcome.series()), encoding="utf-8")
    plot_day(read_day(tmp_path / "day.json"), tmp_path / "day.png")
    assert (tmp_path / "day.png").stat().st_size > 10_000


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="is no simulated day"):
        read_day(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_day(tmp_path / "none.json")
