from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.plates.alphabet import Alphabet
from train.evaluate.certainty import (
    Certainty,
    bins_of,
    calibration,
    confusions,
    ece,
    plot_confusions,
    plot_groups,
    plot_reliability,
    threshold_accepting,
)
from train.evaluate.run import in_top3
from train.loop.config import ALPHABET

LETTERS = Alphabet.load(ALPHABET)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([(1.0, True)], 0.0),
        ([(1.0, False)], 1.0),
        ([(0.0, False), (0.0, False)], 0.0),
        ([(0.75, True), (0.75, True), (0.75, True), (0.75, False)], 0.0),
        ([(0.9, False), (0.9, False), (0.1, False), (0.1, False)], 0.5),
    ],
)
def test_ece(rows: list[tuple[float, bool]], expected: float | None) -> None:
    assert ece(rows) == (expected if expected is None else pytest.approx(expected, abs=1e-9))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_reading_once(rows: list[tuple[float, bool]]) -> None:
    found = bins_of(rows)
    assert sum(count for _, _, count in found) == len(rows)
    error = ece(rows)
    assert error is not None
    assert 0 <= error <= 1 + 1e-9


def test_what_is_accepted() -> None:
    tally = Certainty()
    assert tally.figures(0.5) == {"ece": None, "accepted": None, "accepted_wrong": None}
    for confidence, right in ((0.9, True), (0.5, False), (0.49, False), (0.2, True)):
        tally.add(confidence, right)
    assert tally.figures(0.5)["accepted"] == 0.5
    assert tally.figures(0.5)["accepted_wrong"] == 0.5
    assert tally.figures(0.95)["accepted_wrong"] is None


def rows_of(*confidences: float) -> list[tuple[float, bool]]:
    return [(c, c > 0.6) for c in confidences]


@pytest.mark.parametrize(
    ("rows", "share", "expected"),
    [
        ([], 0.85, None),
        (rows_of(0.3), 0.85, 0.3),
        (rows_of(0.9, 0.1), 0.5, 0.9),
        (rows_of(0.9, 0.1), 0.51, 0.1),
        (rows_of(*[k / 20 for k in range(1, 21)]), 0.85, 0.2),  # 17 of 20 reach it
        (rows_of(0.9, 0.9, 0.9, 0.2), 0.3, 0.9),  # a tie: more are accepted
        (rows_of(0.9, 0.1), 0.0, 0.9),
        (rows_of(0.9, 0.1), 1.0, 0.1),
    ],
)
def test_threshold_that_accepts(rows: list[tuple[float, bool]], share: float, expected: float | None) -> None:
    assert threshold_accepting(rows, share) == expected


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_at_least_the_share_is_accepted(rows: list[tuple[float, bool]]) -> None:
    figures = calibration(rows)
    assert figures["at_share"]["accepted_share"] >= 0.85 - 1e-9
    above = sum(c > figures["at_share"]["threshold"] for c, _ in rows)
    assert above < 0.85 * len(rows)


def test_calibration_of_a_group() -> None:
    empty = {"threshold": 0.5, "accepted": 0, "wrong": 0, "accepted_share": None, "wrong_share": None}
    assert calibration([]) == {"n": 0, "right": 0, "ece": None, "at_row": empty, "at_share": None}
    found = calibration([(0.9, True), (0.8, True), (0.5, False), (0.49, False)])
    assert (found["n"], found["right"]) == (4, 2)
    row = {"threshold": 0.5, "accepted": 3, "wrong": 1, "accepted_share": 0.75, "wrong_share": pytest.approx(1 / 3)}
    assert found["at_row"] == row
    assert found["at_share"] == {
        "threshold": 0.49,
        "accepted": 4,
        "wrong": 2,
        "accepted_share": 1.0,
        "wrong_share": 0.5,
    }


def test_a_plot_of_each_group_that_has_readings(tmp_path: Path) -> None:
    files = plot_groups({"europe": [(0.9, True)], "asia": [(0.5, False)], "other": []}, tmp_path / "new", "reliability")
    assert [f.name for f in files] == ["reliability-asia.png", "reliability-europe.png"]
    assert all(f.stat().st_size > 1000 for f in files)


@pytest.mark.parametrize(
    ("read", "truth", "expected"),
    [
        ("AB1", "AB1", {}),
        ("A81", "AB1", {("B", "8"): 1}),
        ("AB", "AB1", {("1", ""): 1}),
        ("AAB1", "AB1", {("", "A"): 1}),
        ("", "A", {("A", ""): 1}),
        ("皖A1", "京A1", {("京", "皖"): 1}),
    ],
)
def test_confusions(read: str, truth: str, expected: dict[tuple[str, str], int]) -> None:
    assert dict(confusions(read, truth)) == expected


def test_three_guesses_a_character() -> None:
    probability = np.full((4, LETTERS.size), 1e-3, np.float32)
    for slot, guesses in enumerate(("AB8", "123", "XYZ")):
        for k, c in enumerate(guesses):
            probability[slot, LETTERS.encode(c, 2)[0]] = 0.9 - 0.2 * k
    probability[2, LETTERS.eos] = 0.55
    assert in_top3(probability, "A1", LETTERS)
    assert in_top3(probability, "83", LETTERS)
    assert not in_top3(probability, "C1", LETTERS)
    assert not in_top3(probability, "하", LETTERS)
    assert not in_top3(probability, "ABCDEF", LETTERS)
    assert in_top3(None, "A1", LETTERS) is None


@pytest.mark.parametrize("rows", [[], [(0.9, True), (0.3, False)]])
def test_plots_are_written(tmp_path: Path, rows: list[tuple[float, bool]]) -> None:
    plot_reliability(rows, tmp_path / "new" / "r.png")
    plot_confusions({("B", "8"): 2, ("", "A"): 1, ("京", "皖"): 1} if rows else {}, tmp_path / "new" / "c.png")
    assert all((tmp_path / "new" / n).stat().st_size > 1000 for n in ("r.png", "c.png"))
