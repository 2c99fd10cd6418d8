"""Plates that are not read surely, read again from other cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from streamkit import reading_of

from streamer.engine.again import DOUBTED, cuts_of, read_again, together
from streamer.geometry import box_quad, quad_box
from streamer.testing import FakeAlphabet
from streamer.types import FloatArray, Kind, Reading

END = FakeAlphabet.eos


def told(text: str, confidence: float) -> Reading:
    return replace(reading_of(text), confidence=confidence)


@pytest.mark.parametrize(
    ("readings", "text", "confidence"),
    [
        ([("AB12", 0.8)], "AB12", 0.8),
        ([("AB12", 0.8), ("AB12", 0.6)], "AB12", 0.7),
        ([("AB12", 0.9), ("A812", 0.3), ("A812", 0.3)], "AB12", 0.3),  # one that is sure against two that are not
        ([("AB12", 0.5), ("A812", 0.4), ("A812", 0.3)], "A812", 0.7 / 3),
        ([("AB12", 0.4), ("A812", 0.4)], "AB12", 0.2),  # a tie goes to the first
        ([("", 0.0), ("AB12", 0.9), ("AB12", 0.6)], "AB12", 0.5),
        ([("", 0.0), ("", 0.0)], "", 0.0),
    ],
)
def test_one_reading_of_several(readings: list[tuple[str, float]], text: str, confidence: float) -> None:
    one = together([told(*r) for r in readings])
    assert (one.text, one.confidence) == (text, pytest.approx(confidence))
    assert len(one.char_confidence) == len(text)


class Told:
    """Formats that have FIT1, do not know AB12, and take FIT1 for the nearest to ODD1 with a certain likelihood."""

    def __init__(self, ratio: float | None = None) -> None:
        self.asked, self._ratio = set[str | None](), ratio

    def fits(self, text: str, region: str | None) -> bool | None:
        self.asked.add(region)
        return None if text == "AB12" else text == "FIT1"

    def nearest(self, reading: Reading, region: str | None) -> tuple[str, float] | None:
        assert reading.text.startswith("ODD")
        return None if self._ratio is None else ("FIT1", self._ratio)


@pytest.mark.parametrize(
    ("readings", "text", "confidence"),
    [
        ([("AB12", 0.8)], "AB12", 0.8),  # nobody knows
        ([("FIT1", 0.8)], "FIT1", 4 / (4 + 0.2 * 3)),
        ([("ODD1", 0.8)], "ODD1", 0.8 / (0.8 + 0.2 * 3)),
        ([("ODD1", 0.6), ("FIT1", 0.2)], "FIT1", 1 / (1 + 0.6 + 1.2 * 3)),
        ([("ODD1", 0.9), ("FIT1", 0.1)], "ODD1", 0.9 / (0.5 + 0.9 + 1 * 3)),
        (
            [("ODD1", 0.6), ("AB12", 0.5)],
            "ODD1",
            0.6 / (1.1 + 0.9 * 3),
        ),  # one that nobody knows is like one that is odd
        ([("FIT1", 1.0)], "FIT1", 1.0),
        ([("ODD1", 1.0)], "ODD1", 1.0),
        ([("", 0.0)], "", 0.0),
    ],
)
def test_texts_that_fit_their_region_are_likelier(
    readings: list[tuple[str, float]], text: str, confidence: float
) -> None:
    formats = Told()
    europe = [
        replace(told(*r), kind=Kind(region="europe" if r[1] == max(c for _, c in readings) else "asia"))
        for r in readings
    ]
    one = together(europe, formats)
    assert (one.text, one.confidence) == (text, pytest.approx(confidence))
    assert formats.asked <= {"europe"}


@pytest.mark.parametrize(
    ("readings", "ratio", "text", "confidence"),
    [
        ([("ODD1", 0.6)], 0.1, "ODD1", 0.6 / (0.6 + 0.3 + 0.34 * 3)),
        ([("ODD1", 0.6)], 0.5, "FIT1", 1.5 / (0.6 + 1.5 + 0.1 * 3)),
        ([("ODD1", 0.6)], 3.0, "FIT1", 3 / (0.6 + 3)),  # not heard more than what speaks for it
        ([("ODD1", 0.4), ("ODD2", 0.4)], 0.5, "FIT1", 2 / (0.8 + 2 + 0.8 * 3)),
        ([("FIT1", 0.4), ("ODD1", 0.4)], 0.5, "FIT1", 3 / (0.4 + 3 + 1 * 3)),
    ],
)
def test_what_fits_nothing_speaks_for_the_nearest_that_does(
    readings: list[tuple[str, float]], ratio: float, text: str, confidence: float
) -> None:
    one = together([told(*r) for r in readings], Told(ratio))
    assert (one.text, one.confidence) == (text, pytest.approx(confidence))
    assert len(one.char_confidence) == 4
    assert (one.char_confidence[0] == one.confidence) == (text == "FIT1" and readings[0][0] != "FIT1")


def test_a_reading_of_the_text_itself_is_asked_before_one_that_speaks_for_it() -> None:
    odd, fit = told("ODD1", 0.6), told("FIT1", 0.3)
    one = together([odd, fit], Told(0.5))
    assert (one.text, one.char_confidence) == ("FIT1", fit.char_confidence)
    assert one.slot_probs is fit.slot_probs


def test_the_surest_of_those_with_the_text_gives_the_rest() -> None:
    weak, strong = replace(reading_of("AB12", 0.6), confidence=0.2), replace(reading_of("AB12", 0.9), confidence=0.8)
    assert together([weak, strong]).char_confidence == strong.char_confidence


@pytest.mark.parametrize(
    ("first", "cuts"),
    [
        (told("AB12", DOUBTED), 1),
        (told("AB12", DOUBTED - 0.01), 7),
        (reading_of("", 0.99), 1),
        (reading_of("", 0.5), 7),
    ],
)
def test_only_what_is_not_sure_is_read_again(first: Reading, cuts: int) -> None:
    asked: list[FloatArray] = []

    def read(quads: Sequence[FloatArray]) -> list[Reading]:
        asked.extend(quads)
        return [told("AB12", 0.5)] * len(quads)

    quad = box_quad(np.array([10.0, 10, 110, 40]))
    found = read_again(quad, first, read, END)
    assert (len(found), len(asked)) == (cuts, cuts - 1)
    assert found[0] is first


def test_cuts_differ_and_lose_next_to_nothing_of_the_plate() -> None:
    quad = box_quad(np.array([10.0, 10, 110, 40]))
    boxes = np.array([quad_box(q) for q in cuts_of(quad)])
    assert len({tuple(b) for b in boxes.round(6).tolist()} | {(10.0, 10.0, 110.0, 40.0)}) == len(boxes) + 1
    lost = boxes * [1, 1, -1, -1] - [10, 10, -110, -40]
    assert (lost <= np.array([100, 30, 100, 30]) * 0.061).all()
