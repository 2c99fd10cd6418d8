from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.plates.alphabet import Alphabet
from train.evaluate.certainty import Certainty, bins_of, confusions, ece, plot_confusions, plot_reliability
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
