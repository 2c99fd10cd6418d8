"""Numbers fitted after training."""

from __future__ import annotations

import numpy as np
import pytest

from train.calibrate import best_threshold, golden_section, spread, steps


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
