"""The measurement of lists of plates: rates at equal false alerts, and weeks of drawn traffic."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from streamer.watch.traffic import Traffic
from train.evaluate.measures import PassageTruth
from train.evaluate.report_watchlists import print_rates, print_weeks
from train.evaluate.run import Video
from train.evaluate.watchlists import Pair, by_likelihood, by_text, drawn, passage_as, recordings_of, twins_of, weeks


def pair(truth: str, read: str | None = None, doubt: float = 0.001) -> Pair:
    """A vehicle whose plate was read as `read`, and the truth with a probability of `doubt` where it differs."""
    read = read or truth
    places = tuple(
        ((r, 0.999),) if r == t else ((r, 1 - doubt - 0.001), (t, doubt)) for r, t in zip(read, truth, strict=True)
    )
    confidence = 0.98 if read == truth else 0.98 - doubt
    return Pair(passage_as(read, confidence, (*places, (("", 1.0),))), truth, tuple(twins_of(truth)))


PAIRS = [
    pair("皖A12845"), pair("皖A77B77"), pair("皖A33333"), pair("皖A12845", "皖A12B45", 0.2),
    pair("皖A5D555", "皖A5S555", 0.1),
]  # fmt: skip


def test_twins() -> None:
    assert list(twins_of("8B1M")) == ["8B7M", "8BTM", "8BLM", "8B1N"]


def test_rates_by_text_and_by_likelihood_at_equal_false_alerts() -> None:
    exact, edit, look_alike = by_text(PAIRS)
    assert (exact.found, edit.found, look_alike.found) == (0.6, 1.0, 0.8)
    assert exact.twins < look_alike.twins < edit.twins
    (threshold, rate), (lowest, every) = by_likelihood(PAIRS, Traffic(), [look_alike.twins, 1.0])
    assert rate.twins <= look_alike.twins
    assert rate.found == every.found == 1.0
    assert lowest < threshold
    console = Console(width=100, record=True)
    print_rates(console, "made up", PAIRS)
    assert "made up: 5 passages" in console.export_text()


def test_weeks_of_a_town() -> None:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    bank = [pair(f"皖{letters[k % 24]}{letters[(k * 7) % 24]}{k % 10}{(k * 3) % 10}{(k * 7) % 10}9") for k in range(60)]
    lines: list[str] = []
    found = weeks(bank, seed=1, count=1, per_week=60, listed=20, budgets=(1.0,), progress=lines.append)
    assert [week.mode for week in found] == ["exact", "edit", "look_alike", "likelihood, fitted", "likelihood, stated"]
    assert all(week.found == 1.0 for week in found)
    assert found[0].falsely == found[3].falsely == 0.0
    assert lines == ["fitting to a week of traffic", "week 1 of 1"]
    console = Console(width=100, record=True)
    print_weeks(console, "made up", found)
    assert "likelihood, fitted" in console.export_text()


def test_drawn_vehicles_are_read() -> None:
    found = drawn(4, 3)
    assert found
    assert all(
        (one.passage.posterior is not None and one.truth.startswith(tuple("京沪皖"))) or one.twins for one in found
    )
    assert np.mean([one.passage.plate[-3:] == one.truth[-3:] for one in found]) >= 0.5


def test_recordings_are_found_by_their_videos_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "train.evaluate.watchlists.record", lambda missing, folder, _: [folder / "made" for _ in missing]
    )
    videos = [
        Video(tmp_path / f"{name}.mp4", {"video": f"{name}.mp4", "fps": 25}, [PassageTruth("A1", 0, 9, {})])
        for name in ("a", "b")
    ]
    with gzip.open(tmp_path / "a-0123.jsonl.gz", "wt") as out:
        json.dump({}, out)
    assert recordings_of(videos, tmp_path) == [tmp_path / "a-0123.jsonl.gz", tmp_path / "made"]
