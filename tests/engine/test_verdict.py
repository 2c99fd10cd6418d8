"""The reader's word on what the detector found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import reading_of

from streamer.engine.verdict import DOUBT, SWAY, heard, nothing_there
from streamer.geometry import box_quad
from streamer.testing import FakeAlphabet
from streamer.types import Plates, Reading

END = FakeAlphabet.eos


def plates_of(*scores: float, height: float = 20.0) -> Plates:
    boxes = np.array([[10.0 * i, 0, 10 * i + 8, height] for i in range(len(scores))]).reshape(-1, 4)
    quads = np.array([box_quad(b) for b in boxes]).reshape(-1, 4, 2)
    return Plates(boxes, np.array(scores, float), quads, np.zeros(len(scores), bool))


def sure(text: str) -> Reading:
    """All cuts agree on it: also that nothing is there."""
    return replace(reading_of(text, sure=1.0), confidence=1.0)


def told(plates: Plates, cuts: list[list[Reading]], min_score: float) -> tuple[Plates, list[int]]:
    after, rows = heard(plates, cuts, [several[0] for several in cuts], END, min_score)
    return after, rows.tolist()


@pytest.mark.parametrize(
    ("reading", "nothing"),
    [
        (reading_of("AB12", sure=0.98), 0.0),
        (reading_of("", sure=1.0), 1.0),
        (reading_of("", sure=0.7), 0.7),
        (Reading("", 0.0, ()), 0.0),  # a reader that tells no distributions says nothing
    ],
)
def test_how_sure_it_is_that_nothing_is_there(reading: Reading, nothing: float) -> None:
    assert nothing_there(reading, END) == pytest.approx(nothing, abs=0.01)


@pytest.mark.parametrize(
    ("scores", "texts", "kept"),
    [
        ((), (), []),
        ((0.9,), ("AB12",), [("AB12", 0.9)]),
        ((0.6,), ("",), []),  # a doubtful find without letters
        ((0.95,), ("",), [("", 0.475)]),  # a plate too blurred to be read
        ((0.8, 0.7, 0.5), ("", "AB12", "CD34"), [("AB12", 0.7), ("CD34", 0.5)]),
        ((0.96, 0.47), ("", "CD34"), [("", 0.48), ("CD34", 0.47)]),
        ((0.96, 0.5), ("", "CD34"), [("CD34", 0.5), ("", 0.48)]),
    ],
)
def test_finds_after_it(scores: tuple[float, ...], texts: tuple[str, ...], kept: list[tuple[str, float]]) -> None:
    plates, rows = told(plates_of(*scores), [[sure(t)] for t in texts], 0.45)
    assert [texts[k] for k in rows] == [text for text, _ in kept]
    assert plates.box_xyxy[:, 0].tolist() == [10.0 * k for k in rows]
    assert plates.score.tolist() == pytest.approx([score for _, score in kept])


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["", "AB12"]), st.floats(0.5, 1)), max_size=6))
def test_each_keeps_its_box_and_none_gains(finds: list[tuple[float, str, float]]) -> None:
    before = plates_of(*(score for score, _, _ in finds))
    after, rows = told(before, [[reading_of(text, sure=sure)] for _, text, sure in finds], 0.0)
    assert sorted(rows) == list(range(len(finds)))
    assert (np.diff(after.score) <= 0).all()
    for k, box, score in zip(rows, after.box_xyxy, after.score, strict=True):
        assert box.tolist() == before.box_xyxy[k].tolist()
        assert (1 - SWAY) * (1 - DOUBT) * before.score[k] - 1e-9 <= score <= before.score[k]


def test_all_cuts_of_a_plate_have_a_say() -> None:
    cuts = [[sure(""), sure("AB12")], [sure("")] * 2]
    plates, _ = told(plates_of(0.8, 0.8), cuts, 0.1)
    assert plates.score.tolist() == pytest.approx([0.8 * (1 - SWAY / 2), 0.8 * (1 - SWAY)])


@pytest.mark.parametrize(("height", "left"), [(3, 1.0), (6, 1.0), (10, 0.75), (14, 0.5), (60, 0.5)])
def test_of_a_small_plate_it_says_less(height: float, left: float) -> None:
    plates, _ = told(plates_of(0.8, height=height), [[sure("")]], 0.1)
    assert plates.score.tolist() == pytest.approx([0.8 * left])


@pytest.mark.parametrize(
    ("confidence", "height", "left"),
    [
        (0.0, 24, 1 - DOUBT),
        (0.0, 60, 1 - DOUBT),
        (0.0, 17, 1 - DOUBT / 2),
        (0.0, 10, 1.0),  # too small to be read, whatever it is
        (0.5, 60, 1 - DOUBT / 16),
        (1.0, 60, 1.0),
    ],
)
def test_what_is_large_and_not_legible_is_doubted(confidence: float, height: float, left: float) -> None:
    reading = replace(reading_of("AB12", sure=1.0), confidence=confidence)
    plates, _ = told(plates_of(0.8, height=height), [[reading]], 0.1)
    assert plates.score.tolist() == pytest.approx([0.8 * left])
