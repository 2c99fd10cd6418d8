from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.geometry import (
    box_iou_matrix,
    box_overlap,
    box_quad,
    convex,
    cutting_map,
    for_pixel_centres,
    from_rectangle,
    from_unit_square,
    grow_quad,
    homography,
    nms,
    plate_height,
    quad_box,
    quad_height,
    side_lengths,
    transform,
)


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1.0),
        ([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3),
        ([0, 0, 2, 2], [2, 0, 4, 2], 0.0),  # they touch
        ([0, 0, 2, 2], [5, 5, 6, 6], 0.0),
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.0),  # no area: not a division by zero
        ([2, 2, 0, 0], [0, 0, 2, 2], 0.0),  # inverted
        ([0, 0, 4, 4], [1, 1, 3, 3], 0.25),  # inside
    ],
)
def test_iou_table(a: list[float], b: list[float], iou: float) -> None:
    assert box_iou_matrix(np.array([a], float), np.array([b], float))[0, 0] == pytest.approx(iou)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0), (2, 3)])
def test_iou_shapes(n: int, m: int) -> None:
    assert box_iou_matrix(np.zeros((n, 4)), np.zeros((m, 4))).shape == (n, m)


@pytest.mark.parametrize(
    ("boxes", "scores", "kept"),
    [
        ([], [], []),
        ([[0, 0, 4, 4]], [0.5], [0]),
        ([[0, 0, 4, 4], [0, 0, 4, 4.1]], [0.5, 0.9], [1]),
        ([[0, 0, 4, 4], [0, 0, 4, 4]], [0.5, 0.5], [0]),  # a tie keeps the first
        ([[0, 0, 4, 4], [10, 0, 14, 4]], [0.5, 0.9], [1, 0]),  # best first
        ([[0, 0, 10, 4], [4, 0, 14, 4], [8, 0, 18, 4]], [0.9, 0.8, 0.7], [0, 2]),  # a dropped box drops nobody
    ],
)
def test_nms_table(boxes: list[list[float]], scores: list[float], kept: list[int]) -> None:
    assert nms(np.array(boxes, float).reshape(-1, 4), np.array(scores), 0.4).tolist() == kept


@pytest.mark.parametrize(
    ("quad", "good"),
    [
        ([[0, 0], [4, 0], [4, 2], [0, 2]], True),
        ([[0, 2], [4, 2], [4, 0], [0, 0]], False),  # runs the other way round
        ([[4, 2], [0, 2], [0, 0], [4, 0]], True),  # upside down, still clockwise
        ([[0, 0], [4, 2], [4, 0], [0, 2]], False),  # crosses itself
        ([[0, 0], [4, 0], [1, 1], [0, 2]], False),  # dented
        ([[0, 0], [2, 0], [4, 0], [0, 2]], False),  # a flat corner
        ([[1, 1], [1, 1], [1, 1], [1, 1]], False),
    ],
)
def test_convex_table(quad: list[list[float]], good: bool) -> None:
    assert bool(convex(np.array(quad, float))) is good


numbers = st.floats(-500, 500)
positive = st.floats(1, 400)


@given(numbers, numbers, positive, positive)
def test_box_and_its_quad_are_each_others_inverse(x: float, y: float, w: float, h: float) -> None:
    box = np.array([x, y, x + w, y + h])
    np.testing.assert_allclose(quad_box(box_quad(box)), box)
    assert bool(convex(box_quad(box)))
    assert plate_height(box_quad(box)) == pytest.approx(h)
    np.testing.assert_allclose(side_lengths(box_quad(box)), [w, h, w, h], rtol=1e-9)


@given(st.lists(st.floats(-0.2, 0.2), min_size=8, max_size=8), positive, positive)
def test_homography_takes_corners_to_corners_and_back(moves: list[float], w: float, h: float) -> None:
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    quad = (unit + np.array(moves).reshape(4, 2)) * (w, h)
    there = homography(unit, quad)
    np.testing.assert_allclose(transform(there, unit), quad, atol=1e-6 * max(w, h))
    np.testing.assert_allclose(transform(np.linalg.inv(there), quad), unit, atol=1e-6)


def test_grow_quad_adds_shares_of_the_plate_itself() -> None:
    quad = box_quad(np.array([10, 20, 110, 60], float))
    np.testing.assert_allclose(quad_box(grow_quad(quad, 0.04, 0.1)), [6, 16, 114, 64])
    np.testing.assert_allclose(grow_quad(quad, 0.0, 0.0), quad, atol=1e-9)


def test_pixel_centres_of_a_doubling() -> None:
    # Continuous 0.5 (the centre of pixel 0) goes to 1.0, the border of pixels 0 and 1: index 0.5 from index 0.
    matrix = for_pixel_centres(np.diag([2.0, 2.0, 1.0]))
    np.testing.assert_allclose(transform(matrix, np.array([[0.0, 0.0]])), [[0.5, 0.5]])


def test_many_maps_at_once_are_the_same() -> None:
    quads = np.stack([box_quad(np.array([10.0, 20, 110, 60])), np.array([[0, 0], [9, 1], [8, 7], [1, 5.0]])])
    for many, one in [
        (from_unit_square(quads), from_unit_square),
        (from_rectangle(128, 48, quads), lambda q: from_rectangle(128, 48, q)),
        (grow_quad(quads, 0.1, 0.2), lambda q: grow_quad(q, 0.1, 0.2)),
    ]:
        np.testing.assert_allclose(many, np.stack([one(q) for q in quads]), atol=1e-12)
    maps = from_unit_square(quads)
    np.testing.assert_allclose(
        transform(maps, quads), np.stack([transform(m, q) for m, q in zip(maps, quads, strict=True)])
    )
    np.testing.assert_allclose(
        cutting_map(128, 48, quads[1].tolist()), for_pixel_centres(from_rectangle(128, 48, quads[1])), atol=1e-12
    )


def test_three_corners_in_a_line() -> None:
    flat = np.array([[0, 0], [2, 0], [2, 1], [2, 2.0]])
    for one in (from_unit_square, lambda q: cutting_map(4, 4, q.tolist())):
        with pytest.raises(np.linalg.LinAlgError, match="in a line"):
            one(flat)
    assert not np.isfinite(from_unit_square(flat[None])).all()


@pytest.mark.parametrize("seed", range(5))
def test_plain_numbers_are_the_arrays_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-20, 100, (2, 60, 4))  # some of them inverted
    a[:5, 2:], b[5:9, 3] = a[:5, :2], b[5:9, 1]  # and empty
    a[20:40, 2:] = a[20:40, :2] + rng.uniform(0, 80, (20, 2))
    b[20:40] = a[20:40] + rng.uniform(-5, 5, (20, 4))
    expected = box_iou_matrix(a, b).tolist()
    assert [[box_overlap(*one, *other) for other in b.tolist()] for one in a.tolist()] == expected
    quads = rng.uniform(0, 500, (50, 4, 2))
    assert [quad_height(quad) for quad in quads] == plate_height(quads).tolist()
