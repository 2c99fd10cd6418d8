from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from datakit import drawn_folder

from train.synth.compare import MEASURES, compare, distance, statistics


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [([1, 2, 3], [1, 2, 3], 0.0), ([1, 2], [3, 4], 1.0), ([1, 2, 3, 4], [3, 4, 5, 6], 0.5), ([1], [1, 2], 0.5)],
)
def test_distance(a: list[float], b: list[float], expected: float) -> None:
    assert distance(np.array(a, float), np.array(b, float)) == pytest.approx(expected)


def plate() -> np.ndarray:
    image = np.full((48, 128, 3), 60, np.uint8)
    image[:, ::16] = 200
    image[10:38, 20:60] = 200
    return image


@pytest.mark.parametrize(
    ("measure", "change", "rises"),
    [
        ("brightness", lambda i: cv2.add(i, (30, 30, 30, 0)), True),
        ("contrast", lambda i: (i // 2 + 60).astype(np.uint8), False),
        ("sharpness", lambda i: cv2.GaussianBlur(i, (0, 0), 2), False),
        ("noise", lambda i: np.clip(i + np.random.default_rng(0).normal(0, 8, i.shape), 0, 255).astype(np.uint8), True),
        ("saturation", lambda i: np.clip(i * np.array([1.2, 1, 0.5]), 0, 255).astype(np.uint8), True),
        ("cast", lambda i: np.clip(i * np.array([1.2, 1, 0.8]), 0, 255).astype(np.uint8), True),
    ],
)
def test_each_measure_measures_what_it_says(measure: str, change, rises: bool) -> None:  # type: ignore[no-untyped-def]
    before, after = MEASURES[measure](plate()), MEASURES[measure](change(plate()))
    assert (after > before) is rises


def test_statistics_of_every_picture() -> None:
    found = statistics([plate()] * 3)
    assert set(found) == set(MEASURES)
    assert all(len(v) == 3 and np.isfinite(v).all() for v in found.values())


@pytest.mark.slow
def test_drawn_beside_real(tmp_path: Path) -> None:
    folder = drawn_folder(tmp_path / "data")
    found = compare([str(folder)], tmp_path / "out", 12, drawn=12)
    assert all(0 <= v <= 1 for v in found.values())
    assert (tmp_path / "out" / "statistics.png").stat().st_size > 5000
    assert cv2.imread(str(tmp_path / "out" / "crops.png")) is not None
