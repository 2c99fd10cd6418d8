"""The second look: its cuts lie where it says, moved corners come back to the picture, scores are of both looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.refiner.network import HEIGHT as NET_HEIGHT
from models.refiner.network import WIDTH as NET_WIDTH
from models.refiner.network import nominal_corners
from streamer.engine.detector import Detector, looked_at, split_input, worth_a_look
from streamer.engine.refiner import (
    ACROSS,
    ALONG,
    BOX_SHARE,
    HEIGHT,
    PLATE_HEIGHT,
    WIDTH,
    Refiner,
    cut_around,
    cut_to_frame,
    refined,
    upright,
)
from streamer.errors import ConfigError
from streamer.geometry import box_iou_matrix, box_quad, grow_quad, transform
from streamer.image.warp import frame_of
from streamer.types import FloatArray, Plates
from train.export.golden import golden_scenes

BOX = np.array([100.0, 60, 228, 100])


def plates(*quads: FloatArray, score: float = 0.64) -> Plates:
    n = len(quads)
    quad = np.array(quads).reshape(n, 4, 2)
    box = np.concatenate([quad.min(1), quad.max(1)], -1)
    return Plates(box, np.full(n, score), quad, np.zeros(n, bool))


def around(plates_: Plates) -> FloatArray:
    return grow_quad(plates_.quad, ALONG, ACROSS)


def outputs(plates_: Plates, true: FloatArray, logit: float = 0.0) -> np.ndarray:
    """What a perfect network would say of finds whose true corners are known."""
    rows = []
    for quad in plates_.quad:
        in_cut = transform(np.linalg.inv(cut_to_frame(quad)), true)
        rows.append(np.append(logit, ((in_cut - nominal()) / PLATE_HEIGHT).ravel()))
    return np.array(rows, np.float32)


def nominal() -> FloatArray:
    return nominal_corners(ALONG, ACROSS).numpy().astype(float)


def test_run_time_and_training_agree_on_the_cut() -> None:
    assert (HEIGHT, WIDTH) == (NET_HEIGHT, NET_WIDTH)
    quad = box_quad(BOX)
    np.testing.assert_allclose(transform(cut_to_frame(quad), nominal()), quad, atol=1e-4)


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5, 6.0])
def test_the_cut_shows_the_plate_where_the_map_says(scale: float) -> None:
    picture = np.zeros((500, 1100, 3), np.uint8)
    x, y, w, h = 200, 150, round(100 * scale), round(32 * scale)
    picture[y : y + h, x : x + w] = 255
    true = box_quad(np.array([x, y, x + w, y + h], float))
    found = true + np.array([[3, -2], [2, 1], [-1, 2], [0, -1]]) * scale
    cut = cut_around(frame_of(picture), found)[..., 0] / 255.0
    corners = transform(np.linalg.inv(cut_to_frame(found)), true)
    assert cut.shape == (HEIGHT, WIDTH)
    row, column = cut[HEIGHT // 2], cut[:, WIDTH // 2]
    assert row.sum() == pytest.approx(corners[[1, 2], 0].mean() - corners[[0, 3], 0].mean(), abs=0.6)
    assert (row * (np.arange(WIDTH) + 0.5)).sum() / row.sum() == pytest.approx(corners[:, 0].mean(), abs=0.3)
    assert (column * (np.arange(HEIGHT) + 0.5)).sum() / column.sum() == pytest.approx(corners[:, 1].mean(), abs=0.3)


@given(
    st.lists(st.floats(-6, 6), min_size=8, max_size=8),
    st.lists(st.floats(-6, 6), min_size=8, max_size=8),
)
def test_the_right_shifts_bring_any_find_home(start: list[float], end: list[float]) -> None:
    found = box_quad(BOX) + np.array(start).reshape(4, 2)
    true = box_quad(BOX) + np.array(end).reshape(4, 2)
    finds = plates(found)
    result = refined(finds, around(finds), outputs(finds, true))
    np.testing.assert_allclose(result.quad[0], true, atol=0.02)
    mean = BOX_SHARE * np.array([*true.min(0), *true.max(0)]) + (1 - BOX_SHARE) * finds.box_xyxy[0]
    np.testing.assert_allclose(result.box_xyxy[0], mean, atol=0.02)


def test_the_score_is_the_geometric_mean_of_both_looks() -> None:
    finds = plates(box_quad(BOX), score=0.64)
    quality = 0.25
    result = refined(finds, around(finds), outputs(finds, box_quad(BOX), float(np.log(quality / (1 - quality)))))
    assert result.score[0] == pytest.approx(0.4, abs=1e-6)


def test_shifts_that_make_no_quad_leave_the_corners() -> None:
    finds = plates(box_quad(BOX))
    crossed = outputs(finds, box_quad(BOX)[[1, 0, 2, 3]])
    result = refined(finds, around(finds), crossed)
    np.testing.assert_array_equal(result.quad, finds.quad)
    np.testing.assert_array_equal(result.box_xyxy, finds.box_xyxy)


def test_where_the_cut_would_pass_the_horizon_the_box_is_looked_at() -> None:
    steep = np.array([[110, 60], [120, 60], [133, 90], [97, 90.0]])
    fine = box_quad(BOX)
    found, cuts = upright(plates(steep, fine))
    np.testing.assert_array_equal(found.quad[0], box_quad(np.array([97, 60, 133, 90.0])))
    np.testing.assert_array_equal(found.quad[1], fine)
    np.testing.assert_allclose(cuts, around(found))
    assert found.quad_is_box.tolist() == [True, False]


def test_two_finds_that_meet_on_one_plate_are_one() -> None:
    finds = plates(box_quad(BOX), box_quad(BOX + 1.0))
    assert len(looked_at(finds, 640, 480, 0.5)) == 1
    assert len(looked_at(finds, 640, 480, 0.7)) == 0


@pytest.mark.parametrize(("min_score", "first"), [(0.5, 0.3), (0.9, 0.81), (0.02, 0.012)])
def test_finds_that_may_yet_reach_the_threshold_are_looked_at(min_score: float, first: float) -> None:
    assert worth_a_look(min_score) == pytest.approx(first)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plate-detector-s", ("plate-detector-s", (640, 384))),
        ("plate-detector-s@960", ("plate-detector-s", (960, 544))),
        ("a@b/model.xml", ("a@b/model.xml", (640, 384))),
        ("model@v2.xml", ("model@v2.xml", (640, 384))),
        ("my/model.xml@960", ("my/model.xml", (960, 544))),
    ],
)
def test_input_behind_the_name(name: str, expected: tuple[str, tuple[int, int]]) -> None:
    assert split_input(name) == expected


@pytest.mark.parametrize("name", ["plate-detector-s@", "plate-detector-s@1000", "plate-detector-s@wide"])
def test_no_such_input(name: str) -> None:
    with pytest.raises(ConfigError, match="@640, @960"):
        split_input(name)


def test_a_larger_input_finds_what_the_small_one_finds_and_more() -> None:
    image = next(golden_scenes())
    near = Detector("plate-detector-s").detect(frame_of(image))
    far = Detector("plate-detector-s@960").detect(frame_of(image))
    assert len(near) >= 1
    assert (box_iou_matrix(near.box_xyxy, far.box_xyxy).max(1) > 0.7).all()
    assert len(far) >= len(near)


def test_the_shipped_detector_is_refined() -> None:
    """Its card names the refiner; without one the same plates come out, less exact."""
    image = next(golden_scenes())
    both, one = Detector(), Detector(refiner=None)
    assert both.refiner is not None
    assert one.refiner is None
    both.prepare()
    with_look, without = both.detect(frame_of(image)), one.detect(frame_of(image))
    assert (box_iou_matrix(with_look.box_xyxy, without.box_xyxy).max(1, initial=0) > 0.5).all()
    assert not np.array_equal(with_look.quad, without.quad)
    assert (np.diff(with_look.score) <= 0).all()
    assert (with_look.score >= both.min_score).all()


def test_shipped_refiner() -> None:
    """Nothing in, nothing out; many come back as at most 32; alone or among others the same."""
    refiner = Refiner()
    picture = np.random.default_rng(0).integers(0, 256, (200, 400, 3), np.uint8)
    frame = frame_of(picture)
    assert len(refiner.refine(frame, Plates.empty())) == 0
    many = plates(*[box_quad(BOX + k) for k in range(40)])
    assert len(refiner.refine(frame, many)) == 32
    alone = refiner.refine(frame, many[3:4])
    np.testing.assert_array_equal(alone.quad[0], refiner.refine(frame, many).quad[3])
