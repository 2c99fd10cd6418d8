"""The measures by table, and their properties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.data.manifest import PlateLabel
from train.evaluate.measures import (
    CcpdTally,
    PassageRow,
    PassageTruth,
    SceneTally,
    TextTally,
    average_precision,
    by_tilt,
    corner_error,
    edit_distance,
    fold,
    iou,
    match_scene,
    match_video,
    normalise,
    rate,
    tilt_of,
    total_videos,
    without_province,
)


@dataclass
class Found:
    box_xyxy: np.ndarray
    score: float
    text: str = ""
    quad: np.ndarray = field(default_factory=lambda: np.zeros((4, 2)))


def found(box: Sequence[float], score: float, text: str = "") -> Found:
    return Found(np.array(box, float), score, text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (None, ""),
        ("", ""),
        ("京A·123 45", "京A12345"),
        ("ab-12", "AB12"),
        ("부산70아", "70"),
        ("A?1", "A1"),
        ("ß", "SS"),
    ],
)
def test_normalise(text: str | None, plain: str) -> None:
    assert normalise(text) == plain


def test_province_and_fold() -> None:
    assert without_province("京A1234警") == "A1234"
    assert fold("O0I1OZ") == "00110Z"


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("abc", "xabc", 1),
        ("ab", "ba", 2),
    ],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == distance


short = st.text("ab0", max_size=6)


@given(short, short, short)
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0),
        ((0, 0, 10, 10), (50, 50, 60, 60), 0),
        ((0, 0, 10, 10), (0, 0, 10, 5), 0.5),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
    ],
)
def test_iou(a: tuple[float, ...], b: tuple[float, ...], value: float) -> None:
    assert iou(a, b) == pytest.approx(value)
    assert iou(b, a) == pytest.approx(value)


@pytest.mark.parametrize(
    ("rows", "labels", "value"),
    [
        ([], 0, None),
        ([(0.9, False)], 0, None),
        ([], 3, 0.0),
        ([(0.9, True)], 1, 1.0),
        ([(0.9, True)], 2, 0.5),
        ([(0.9, False)], 1, 0.0),
        ([(0.9, False), (0.8, True)], 1, 0.5),
        ([(0.9, True), (0.8, False), (0.7, True)], 2, 0.5 + 0.5 * 2 / 3),
        ([(0.7, True), (0.9, True), (0.8, False)], 2, 0.5 + 0.5 * 2 / 3),  # order of the rows is of no matter
        ([(0.9, True), (0.8, False), (0.7, False), (0.6, True), (0.5, True)], 3, (1 + 3 / 5 + 3 / 5) / 3),  # envelope
        ([(0.5, False), (0.5, True)], 1, 1.0),  # a tie: hits come first
    ],
)
def test_average_precision(rows: list[tuple[float, bool]], labels: int, value: float | None) -> None:
    assert average_precision(rows, labels) == (None if value is None else pytest.approx(value))


ap_rows = st.lists(st.tuples(st.integers(1, 99).map(lambda k: k / 100), st.booleans()), max_size=20)


@given(ap_rows, st.integers(0, 5))
def test_average_precision_properties(rows: list[tuple[float, bool]], more: int) -> None:
    hits = sum(hit for _, hit in rows)
    labels = hits + more
    value = average_precision(rows, labels)
    if not labels:
        assert value is None
        return
    assert value is not None
    assert -1e-12 <= value <= hits / labels + 1e-12
    squeezed = [(score**3, hit) for score, hit in rows]  # only the order of scores counts
    assert average_precision(squeezed, labels) == pytest.approx(value)
    worse = average_precision([*rows, (0.001, False)], labels)
    assert worse == pytest.approx(value)  # a false detection below all others costs nothing


def test_corner_error() -> None:
    square = [[0, 0], [20, 0], [20, 10], [0, 10]]
    assert corner_error(square, square) == 0
    assert corner_error(np.array(square) + [3, 4], square) == pytest.approx(0.5)
    leaning = [[0, 0], [20, 5], [20, 25], [0, 10]]  # sides of 10 and 20
    assert corner_error(np.array(leaning) + [0, 3], leaning) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("quad", "expected"),
    [
        ([[0, 0], [20, 0], [20, 10], [0, 10]], 0.0),
        ([[0, 0], [10, 10], [5, 15], [-5, 5]], 45.0),
        ([[0, 10], [10, 0], [15, 5], [5, 15]], 45.0),  # rising is as tilted as falling
        ([[10, 10], [0, 10], [0, 0], [10, 0]], 0.0),  # upside down
    ],
)
def test_tilt(quad: list[list[float]], expected: float) -> None:
    assert tilt_of(quad) == pytest.approx(expected)


def test_corner_error_by_tilt_has_the_bands_that_there_are() -> None:
    found = by_tilt([(0.0, 0.1), (1.9, 0.3), (2.0, 0.5), (90.0, 0.7)])
    assert found == {
        "0-2": {"n": 2, "corner": pytest.approx(0.2)},
        "2-5": {"n": 1, "corner": 0.5},
        "20-91": {"n": 1, "corner": 0.7},
    }
    assert by_tilt([]) == {}


def test_rate_of_nothing_is_none() -> None:
    assert rate(0, 0) is None
    assert rate(1, 4) == 0.25


A, B = (0.0, 0.0, 100.0, 30.0), (200.0, 0.0, 300.0, 30.0)
HALF = (0.0, 0.0, 100.0, 18.0)  # IoU 0.6 with A


def label(box: tuple[float, ...] | None, text: str | None = None, ignore: bool = False) -> PlateLabel:
    return PlateLabel(text=text, box=box, ignore=ignore)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "complete", "plates", "expected"),
    [  # expected: for each detection that counts, (score, hit); then labels missed
        ([], True, [], ([], 0)),
        ([label(A)], True, [], ([], 1)),
        ([label(A)], True, [found(A, 0.9)], ([(0.9, True)], 0)),
        ([], True, [found(A, 0.9)], ([(0.9, False)], 0)),
        ([], False, [found(A, 0.9)], ([], 0)),  # not complete: an extra detection does not count
        ([label(A)], False, [found(A, 0.9), found(B, 0.8)], ([(0.9, True)], 0)),
        ([label(A), label(B, ignore=True)], True, [found(B, 0.9)], ([], 1)),
        ([label(A, ignore=True)], True, [found((0, 0, 100, 10), 0.9)], ([], 0)),  # IoU 1/3 with an ignored one
        ([label(A, ignore=True)], True, [found((0, 0, 100, 8), 0.9)], ([(0.9, False)], 0)),
        ([label(A)], True, [found(A, 0.9), found(A, 0.8)], ([(0.9, True), (0.8, False)], 0)),  # a label is used once
        ([label(A)], True, [found(A, 0.8), found(HALF, 0.9)], ([(0.9, True), (0.8, False)], 0)),  # best score first
        ([label(A), label(HALF)], True, [found(HALF, 0.9), found(A, 0.8)], ([(0.9, True), (0.8, True)], 0)),
        ([label(A)], True, [found(A, 0.4)], ([(0.4, True)], 1)),  # below the threshold: a hit for AP, missed in force
        ([label(A)], True, [found(A, 0.5)], ([(0.5, True)], 0)),  # at the threshold
        ([label(None, "X")], True, [], ([], 0)),  # a label without a box does not count
    ],
)
def test_match_scene(
    labels: list[PlateLabel], complete: bool, plates: list[Found], expected: tuple[list[tuple[float, bool]], int]
) -> None:
    scene = match_scene(labels, complete, plates, 0.5)
    assert [(m.plate.score, m.label is not None) for m in scene.matches] == expected[0]
    assert len(scene.missed) == expected[1]


def test_equal_labels_are_two(  # two labels alike are still two plates
) -> None:
    scene = match_scene([label(A), label(A)], True, [found(A, 0.9)], 0.5)
    assert len(scene.missed) == 1


coordinate = st.integers(0, 60)
boxes = st.tuples(coordinate, coordinate, st.integers(4, 40), st.integers(4, 40)).map(
    lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3]))
)


@given(
    st.lists(st.tuples(boxes, st.booleans()), max_size=5),
    st.lists(st.tuples(boxes, st.floats(0, 1)), max_size=6),
    st.booleans(),
)
def test_matching_never_uses_a_label_twice(
    truth: list[tuple[tuple[float, ...], bool]], seen: list[tuple[tuple[float, ...], float]], complete: bool
) -> None:
    labels = [label(b, ignore=i) for b, i in truth]
    scene = match_scene(labels, complete, [found(b, s) for b, s in seen], 0.5)
    used = [id(m.label) for m in scene.matches if m.label is not None]
    assert len(used) == len(set(used))
    assert all(m.label is None or (m.iou >= 0.5 and not m.label.ignore) for m in scene.matches)
    scores = [m.plate.score for m in scene.matches]
    assert scores == sorted(scores, reverse=True)
    assert complete or all(m.label is not None for m in scene.matches)


def test_scene_figures() -> None:
    tally = SceneTally()
    labels = [label(A, "京A12345"), label(B, "B0")]
    tally.add(match_scene(labels, True, [found(A, 0.9, "沪A12345"), found(B, 0.8, "BO")], 0.5))
    tally.add(match_scene([label(A, "X1")], True, [found(A, 0.4, "X1"), found(B, 0.7)], 0.5))
    figures = tally.figures()
    assert (figures["images"], figures["plates"], figures["found"], figures["false"], figures["texts"]) == (
        2,
        3,
        2,
        1,
        3,
    )
    assert figures["recall50"] == pytest.approx(2 / 3)
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["ap50"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert (figures["e2e"], figures["e2e_noprov"], figures["e2e_folded"]) == (
        0,
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    )
    assert figures["cer_found"] == pytest.approx(2 / 9)
    assert figures["corner"] is None
    assert "e2e" not in tally.figures(read=False)


def test_figures_of_nothing() -> None:
    figures = SceneTally().figures()
    assert figures["images"] == 0
    assert figures["ap50"] is figures["recall50"] is figures["precision"] is figures["e2e"] is None
    assert TextTally().figures()["cer"] is None
    assert CcpdTally().figures() == {"images": 0, "detected": None, "texts": 0, "read": None, "read_noprov": None}
    assert total_videos([])["recall"] is None


def test_text_figures() -> None:
    tally = TextTally()
    assert tally.add("京a·12345", "京A12345")
    assert not tally.add("沪A12345", "京A12345")
    assert not tally.add("", "AB0")
    assert not tally.add("ABO", "AB0")
    figures = tally.figures()
    assert (figures["n"], figures["right"], figures["exact"]) == (4, 1, 0.25)
    assert (figures["exact_noprov"], figures["exact_folded"]) == (0.5, 0.5)
    assert figures["cer"] == pytest.approx(5 / 20)


def ccpd(labels: list[PlateLabel], plates: list[Found]) -> tuple[int, int, int, int]:
    tally = CcpdTally()
    tally.add(labels, plates)
    return tally.images, tally.detected, tally.texts, tally.right


SEVEN, SIX = (0.0, 0.0, 100.0, 21.0), (0.0, 0.0, 100.0, 18.0)


@pytest.mark.parametrize(
    ("labels", "plates", "expected"),
    [
        ([label(A, "X1")], [], (1, 0, 1, 0)),
        ([label(A, "X1")], [found(A, 0.03, "X1")], (1, 1, 1, 1)),  # no threshold but the best box
        ([label(A, "X1")], [found(A, 0.8, "X1"), found(B, 0.9, "X1")], (1, 0, 1, 0)),  # only the best box counts
        ([label(A, "X1")], [found(SEVEN, 0.9, "X1")], (1, 0, 1, 1)),  # IoU 0.7 is not above 0.7, but above 0.6
        ([label(A, "X1")], [found(SIX, 0.9, "X1")], (1, 0, 1, 0)),  # 0.6 is not above 0.6
        ([label(A, "X1")], [found(A, 0.9, "X2")], (1, 1, 1, 0)),
        ([label(A)], [found(A, 0.9, "X2")], (1, 1, 0, 0)),
        ([label(A, "X1"), label(B, "X2", ignore=True)], [found(A, 0.9, "X1")], (1, 1, 1, 1)),
        ([label(A, "X1"), label(B, "X2")], [found(A, 0.9, "X1")], (0, 0, 0, 0)),  # two plates: not CCPD's protocol
        ([], [], (0, 0, 0, 0)),
    ],
)
def test_ccpd_protocol(labels: list[PlateLabel], plates: list[Found], expected: tuple[int, int, int, int]) -> None:
    assert ccpd(labels, plates) == expected


def row(plate: str, first: int, last: int, best: int = 0, box: tuple[float, ...] = B) -> PassageRow:
    return PassageRow(plate, first, last, best, box)  # type: ignore[arg-type]


ONE = PassageTruth("京A12345", 100, 200, {150: A})
AGAIN = PassageTruth("京A12345", 400, 500)


@pytest.mark.parametrize(
    ("truth", "rows", "ignored", "expected"),
    [  # fps 25: half a second is 12 frames; expected: passages found, wrong rows, duplicates
        ([], [], [], (0, 0, 0)),
        ([ONE], [], [], (0, 0, 0)),
        ([ONE], [row("京A·12345", 120, 180)], [], (1, 0, 0)),
        ([ONE], [row("京A12345", 212, 300)], [], (1, 0, 0)),  # ends 12 frames before: still meets
        ([ONE], [row("京A12345", 213, 300)], [], (0, 1, 0)),
        ([ONE], [row("京A12345", 0, 88)], [], (1, 0, 0)),
        ([ONE], [row("京A12345", 0, 87)], [], (0, 1, 0)),
        ([ONE], [row("京A12345", 100, 120), row("京A12345", 130, 200)], [], (1, 0, 1)),
        ([ONE, AGAIN], [row("京A12345", 100, 500)], [], (2, 0, 0)),  # one row over both spells
        ([ONE], [row("X", 100, 120)], [], (0, 1, 0)),
        ([ONE], [row("X", 100, 120)], [(120, 130)], (0, 0, 0)),  # meets an ignored span
        ([ONE], [row("X", 100, 119)], [(120, 130)], (0, 1, 0)),
        ([ONE], [row("X", 140, 160, 150, A)], [(0, 999)], (0, 1, 0)),  # on a legible plate: wrong even so
        ([ONE], [row("X", 140, 160, 151, A)], [(0, 999)], (0, 0, 0)),
    ],
)
def test_match_video(
    truth: list[PassageTruth], rows: list[PassageRow], ignored: list[tuple[int, int]], expected: tuple[int, int, int]
) -> None:
    figures = match_video(truth, rows, ignored, 25.0).figures()
    assert (figures["found"], figures["wrong"], figures["duplicates"]) == expected
    assert figures["recall"] == (expected[0] / len(truth) if truth else None)
    assert figures["precision"] == ((len(rows) - expected[1]) / len(rows) if rows else None)


def test_videos_sum_up() -> None:
    one = match_video([ONE], [row("京A12345", 100, 120), row("X", 0, 5)], [], 25).figures()
    none = match_video([AGAIN], [], [], 25).figures()
    total = total_videos([one, none])
    assert (total["passages"], total["found"], total["rows"], total["wrong"]) == (2, 1, 2, 1)
    assert (total["recall"], total["precision"]) == (0.5, 0.5)
