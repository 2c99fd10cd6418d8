"""IoU, cost and assignment as tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from streamer.geometry import box_iou_matrix
from streamer.tracking.association import Candidate, assign, associate, candidates
from streamer.types import FloatArray

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
    assert bool(candidates(np.array([BOX]), np.array([box]), 1.5, 2.0)) == inside


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
    matrix = np.array(cost, float)
    finite = np.argwhere(np.isfinite(matrix)).tolist()
    assert assign([Candidate(r, c, float(matrix[r, c]), 0.0) for r, c in finite]) == pairs


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


def reference(
    expected: FloatArray, found: FloatArray, max_jump: float, max_growth: float
) -> tuple[FloatArray, FloatArray]:
    """Cost (n, m), inf outside the gate, and IoU, as arrays."""
    a, b = expected.reshape(-1, 1, 4), found.reshape(1, -1, 4)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    distance = np.hypot(apart[..., 0], apart[..., 1])
    reach = max_jump * np.maximum(np.maximum(size_a[..., 0], size_b[..., 0]), 1.0)
    growth = np.abs(np.log(np.maximum(size_a, 1e-3) / np.maximum(size_b, 1e-3))).min(-1)
    overlap = box_iou_matrix(expected, found)
    gate = (distance <= reach) & (growth <= np.log(max_growth))
    return np.where(gate, 1 - overlap + distance / reach, np.inf), overlap


def hungarian(cost: FloatArray) -> list[tuple[int, int]]:
    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if np.isfinite(cost[r, c])]


@pytest.mark.parametrize("seed", range(40))
def test_as_with_arrays_and_the_whole_matrix(seed: int) -> None:
    """Costs to the last bit, and the assignment of the whole matrix."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 9, 2)
    corner, size = rng.uniform(0, 300, (n + m, 2)), rng.uniform(0.5, 90, (n + m, 2))
    boxes = np.concatenate([corner, corner + size], -1)
    expected, found = boxes[:n], boxes[n:]
    cost, overlap = reference(expected, found, 1.5, 2.0)
    near = candidates(expected, found, 1.5, 2.0)
    assert [(p.track, p.found) for p in near] == [tuple(p) for p in np.argwhere(np.isfinite(cost)).tolist()]
    assert all(p.cost == cost[p.track, p.found] and p.overlap == overlap[p.track, p.found] for p in near)
    high = rng.random(m) < 0.6
    strong, weak = np.flatnonzero(high), np.flatnonzero(~high)
    pairs = [(t, int(strong[d])) for t, d in hungarian(cost[:, strong])]
    left = np.array(sorted(set(range(n)) - {t for t, _ in pairs}), int)
    careful = np.where(overlap > 0.1, cost, np.inf)[np.ix_(left, weak)]
    pairs += [(int(left[t]), int(weak[d])) for t, d in hungarian(careful)]
    assert associate(expected, found, high, 1.5, 2.0) == sorted(pairs)
