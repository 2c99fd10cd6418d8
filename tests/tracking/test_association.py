"""IoU, cost and assignment as tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.geometry import box_iou_matrix
from streamer.tracking.association import assign, associate, association_cost

BOX = (10.0, 10.0, 50.0, 20.0)


def shifted(dx: float, dy: float = 0.0, grow: float = 1.0) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = BOX
    cx, cy, w, h = (x1 + x2) / 2 + dx, (y1 + y2) / 2 + dy, (x2 - x1) * grow, (y2 - y1) * grow
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (BOX, True),
        (shifted(59), True),  # no overlap, but within 1.5 widths
        (shifted(60), True),  # on the border
        (shifted(61), False),
        (shifted(0, 0, 1.9), True),
        (shifted(0, 0, 2.1), False),
        (shifted(0, 0, 0.45), False),
    ],
)
def test_gate(box: tuple[float, ...], inside: bool) -> None:
    a, b = np.array([BOX]), np.array([box])
    cost = association_cost(a, b, box_iou_matrix(a, b), 1.5, 2.0)
    assert bool(np.isfinite(cost[0, 0])) == inside


@pytest.mark.parametrize(
    ("cost", "pairs"),
    [
        (np.zeros((0, 3)), []),
        ([[np.inf]], []),
        ([[1.0]], [(0, 0)]),
        ([[1.0, 2.0], [1.0, np.inf]], [(0, 1), (1, 0)]),  # greedy would leave row 1 alone
        ([[0.5, np.inf], [np.inf, np.inf]], [(0, 0)]),
        ([[0.5], [0.4]], [(1, 0)]),
    ],
)
def test_assign(cost: object, pairs: list[tuple[int, int]]) -> None:
    assert assign(np.array(cost, float)) == pairs


@pytest.mark.parametrize(
    ("tracks", "found", "high", "pairs"),
    [
        ([], [], [], []),
        ([], [BOX], [True], []),
        ([], [BOX], [False], []),  # a weak detection begins nothing
        ([BOX], [], [], []),
        ([BOX], [shifted(2)], [False], [(0, 0)]),  # but it continues a track it overlaps
        ([BOX], [shifted(45)], [False], []),
        ([BOX], [shifted(45)], [True], [(0, 0)]),
        ([BOX], [shifted(1), shifted(3)], [False, True], [(0, 1)]),  # the strong one comes first
        ([BOX, shifted(100)], [shifted(101), shifted(1)], [True, True], [(0, 1), (1, 0)]),
        ([BOX], [shifted(1), shifted(400)], [True, True], [(0, 0)]),
    ],
)
def test_two_stages(tracks: list, found: list, high: list, pairs: list) -> None:  # type: ignore[type-arg]
    matched = associate(
        np.array(tracks, float).reshape(-1, 4), np.array(found, float).reshape(-1, 4), np.array(high, bool), 1.5, 2.0
    )
    assert matched == pairs


BOXES = st.lists(
    st.tuples(st.floats(0, 500), st.floats(0, 500), st.floats(1, 99), st.floats(1, 99)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    max_size=6,
)


@given(BOXES, BOXES, st.data())
def test_nothing_is_matched_twice(tracks: list, found: list, data: st.DataObject) -> None:  # type: ignore[type-arg]
    high = np.array(data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found))), bool)
    pairs = associate(np.array(tracks).reshape(-1, 4), np.array(found).reshape(-1, 4), high, 1.5, 2.0)
    rows, columns = [p[0] for p in pairs], [p[1] for p in pairs]
    assert len(set(rows)) == len(rows)
    assert len(set(columns)) == len(columns)
    assert pairs == sorted(pairs)
