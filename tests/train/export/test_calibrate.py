"""Numbers fitted after training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.engine.decoders import Certainty, calibrated
from train.export.calibrate import best_threshold, fit_certainty, golden_section, platt, spread, steps


@pytest.mark.parametrize(
    ("rows", "plates", "threshold"),
    [
        ([], 0, 0.4),
        ([], 3, 0.4),
        ([(0.8, True)], 1, 0.8),
        ([(0.8, True), (0.3, False)], 1, 0.8),
        ([(0.8, True), (0.709, True), (0.3, False)], 2, 0.7),
        ([(0.8, False), (0.7, True)], 1, 0.7),  # the false one is borne: the plate behind it would be lost
        ([(0.05, True)], 1, 0.1),
        ([(0.99, True), (0.98, False)], 1, 0.9),
    ],
)
def test_best_threshold(rows: list[tuple[float, bool]], plates: int, threshold: float) -> None:
    assert best_threshold(rows, plates) == pytest.approx(threshold)


def test_recall_weighs_more_the_larger_beta_is() -> None:
    rows = [(0.9, True), (0.8, False), (0.7, False), (0.6, False), (0.5, True)]
    assert best_threshold(rows, 2, beta=0.5) > best_threshold(rows, 2, beta=2.0)


def test_golden_section_finds_the_valley() -> None:
    assert golden_section(lambda x: (x - 0.3) ** 2, -2.0, 2.0) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize(("n", "count", "expected"), [(0, 3, []), (2, 3, [0, 1]), (9, 3, [0, 4, 8])])
def test_spread(n: int, count: int, expected: list[int]) -> None:
    assert spread(list(range(n)), count) == expected  # type: ignore[type-var]


def test_steps_cover_everything_once() -> None:
    edges = steps(10, 4)
    assert edges == [0, 4, 8, 10]
    assert np.diff(edges).sum() == 10


@given(st.floats(0.3, 2.5), st.floats(-2, 2), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_platt_finds_how_sure_to_be(scale: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = rng.uniform(0.02, 0.98, 4000)
    true = 1 / (1 + np.exp(-(scale * np.log(said / (1 - said)) + shift)))
    right = (rng.random(4000) < true).astype(float)
    found = platt(said, right)
    told = np.array([calibrated(p, *found) for p in said])
    assert abs(told.mean() - right.mean()) < 0.02
    assert found[0] == pytest.approx(scale, abs=0.25)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ([], []),
        ([0.5] * 19, [1.0, 0.0] * 9 + [1.0]),  # too few
        ([0.5] * 40, [1.0] * 40),  # never wrong
        (np.linspace(0.1, 0.9, 40), (np.arange(40) < 20).astype(float)),  # the surer, the more wrong
    ],
)
def test_without_anything_to_learn_confidence_stays(said: Any, right: Any) -> None:
    assert platt(np.array(said, float), np.array(right, float)) == (1.0, 0.0)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_calibration_keeps_the_order_and_the_range(confidence: float) -> None:
    assert calibrated(confidence, 1.0, 0.0) == confidence
    assert 0 <= calibrated(confidence, 2.0, -1.0) <= 1
    assert calibrated(confidence, 2.0, -1.0) <= calibrated(min(1.0, confidence + 0.1), 2.0, -1.0)


@pytest.mark.parametrize("sure", [1 - 1e-9, 0.9999])
def test_certainty_is_found_where_texts_are_next_to_certain(sure: float) -> None:
    rng = np.random.default_rng(0)
    right = rng.random(600) < 0.95
    places = np.where(right, sure, rng.random(600))
    columns = np.where(rng.random(600) < 0.05, 1e-12, places)  # now and then the columns know nothing of the text
    found = fit_certainty(places, columns, right.astype(float))
    assert 0 <= found.scale < 5
    assert 0 <= found.columns < 5
    doubted = found.of(0.3, 0.3)
    assert doubted < 0.9 < found.of(sure, sure)


def test_the_weakest_character_counts_beside_the_whole_text() -> None:
    rng = np.random.default_rng(1)
    weakest, places, columns = rng.uniform(0.05, 0.999, (3, 4000))
    truth = Certainty(0.3, 0.2, 0.5, 0.7)
    sure = np.array([truth.of(*one) for one in zip(places, columns, weakest, strict=True)])
    found = fit_certainty(places, columns, (rng.random(4000) < sure).astype(float), weakest)
    assert found.scale == pytest.approx(truth.scale, abs=0.12)
    assert found.columns == pytest.approx(truth.columns, abs=0.12)
    assert found.weakest == pytest.approx(truth.weakest, abs=0.12)
    assert found.of(0.5, 0.5, 0.2) < found.of(0.5, 0.5, 0.6) < found.of(0.5, 0.5, 0.95)
    assert Certainty.of_card({"scale": 0.5, "weakest": 0.25, "other": 1}) == Certainty(0.5, 0.0, 0.0, 0.25)
