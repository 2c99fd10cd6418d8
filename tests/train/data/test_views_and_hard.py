"""How pasted plates are seen, what counts as a hard negative, and what the refiner is shown."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from streamer.engine.refiner import cut_to_frame
from streamer.geometry import box_iou_matrix, box_quad, quad_box, transform
from streamer.image.warp import frame_of
from streamer.types import Plates
from train.data.detection import Labels, draw_matrix, draw_quad
from train.data.manifest import PlateLabel, Sample
from train.data.mine import far_from
from train.data.photometric import night
from train.data.refining import CUTS, Cut, anywhere, collate, displaced, finds, make_cut
from train.data.tighten import with_corners
from train.data.views import PLATE_RATIO, RealViews, draw_view, real_views

NAME = "025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15.jpg"


def labels(*boxes: tuple[float, float, float, float], ignore: tuple[int, ...] = ()) -> Labels:
    box = np.array(boxes, float).reshape(-1, 4)
    n = len(box)
    dark = np.array([k in ignore for k in range(n)], bool)
    return Labels(box, box_quad(box), np.ones(n), np.ones(n), dark, np.zeros((0, 4)))


# --- views


def test_real_views_come_from_the_names_and_bad_ones_are_left_out(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "ccpd_names.txt.gz", "wt", encoding="utf-8") as out:
        out.write(f"ccpd_tilt/{NAME}\nccpd_tilt/not-a-name.jpg\n")
    views = real_views([tmp_path / "elsewhere", tmp_path])
    assert views is not None
    assert len(views) == 1
    drawn = views.draw(np.random.default_rng(0))
    # The named plate again, from a flat one of the same width.
    width = np.hypot(209, 19)
    flat = (np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]) - 0.5) * (width, width / PLATE_RATIO)
    quad = np.array([[154, 383], [363, 402], [386, 473], [177, 454.0]])
    np.testing.assert_allclose(flat @ drawn.T + quad.mean(0), quad, atol=1e-6)


def test_no_names_no_views(tmp_path: Path) -> None:
    assert real_views([]) is None
    assert real_views([tmp_path]) is None


def test_views_are_mostly_mild_and_sometimes_steep() -> None:
    rng = np.random.default_rng(0)
    tilt = np.array([np.degrees(np.arctan2(*draw_view(rng)[::-1, 0])) for _ in range(2000)])
    assert 5 < np.percentile(np.abs(tilt), 75) < 15
    assert np.abs(tilt).max() > 30
    assert abs(np.median(tilt)) < 2


@pytest.mark.parametrize("width", [16.0, 60.0, 150.0])
def test_pasted_plates_have_the_width_asked_for(width: float) -> None:
    rng = np.random.default_rng(1)
    views = RealViews(np.array([[[0, 0], [31.4, 0], [31.4, 10], [0, 10.0]]]))
    for _ in range(50):
        quad = draw_quad(rng, 3.14, 320, views, width)
        assert 0.6 * width < np.linalg.norm(quad[1] - quad[0]) < 1.5 * width


# --- hard negatives


def test_only_finds_that_meet_no_plate_are_hard() -> None:
    found = np.array([[0, 0, 10, 5], [1, 0, 11, 5], [50, 50, 60, 55.0]])
    assert far_from(found, np.array([[0, 0, 10, 5.0]])).tolist() == [False, False, True]
    around = np.array([[0, 0, 60, 30], [60, 0, 100, 30], [70, 0, 100, 30.0]])  # holds a plate, all but touches one, not
    assert far_from(around, np.array([[20, 10, 58, 17.0]])).tolist() == [False, False, True]
    assert far_from(found, np.zeros((0, 4))).tolist() == [True] * 3
    assert far_from(np.zeros((0, 4)), np.array([[0, 0, 10, 5.0]])).tolist() == []


def test_a_crop_at_a_hard_spot_shows_it() -> None:
    rng = np.random.default_rng(0)
    spot = (500.0, 300.0, 540.0, 320.0)
    for _ in range(50):
        matrix = draw_matrix(rng, 640, 480, Labels.empty(), 320, spot)
        x, y = transform(matrix, np.array([520.0, 310.0]))
        assert 0 <= x <= 320
        assert 0 <= y <= 320


def test_at_night_the_plates_are_what_is_left() -> None:
    picture = np.full((120, 200, 3), 150, np.uint8)
    quad = box_quad(np.array([[60, 40, 140, 70.0]]))
    for seed in range(20):
        dark = night(np.random.default_rng(seed), picture, quad)
        assert dark.shape == picture.shape
        assert dark.dtype == np.uint8
    everywhere = np.mean([night(np.random.default_rng(k), picture, quad)[100:].mean() for k in range(20)])
    plates = np.mean([night(np.random.default_rng(k), picture, quad)[45:65, 70:130].mean() for k in range(20)])
    assert plates > everywhere + 20


# --- the refiner's cuts


def plates_at(*boxes: tuple[float, float, float, float]) -> Plates:
    box = np.array(boxes, float).reshape(-1, 4)
    return Plates(box, np.full(len(box), 0.5), box_quad(box), np.zeros(len(box), bool))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (plates_at(), []),
        (plates_at((101, 100, 181, 126)), [0]),  # the plate
        (plates_at((10, 10, 50, 24)), [-1]),  # nothing there
        (plates_at((140, 100, 230, 126)), []),  # half of it: neither
        (plates_at((200, 200, 240, 214)), []),  # on an ignored plate
        (plates_at((101, 100, 181, 126), (10, 10, 50, 24)), [0, -1]),
    ],
)
def test_finds_are_told_apart(found: Plates, expected: list[int]) -> None:
    known = labels((100, 100, 180, 125), (200, 200, 240, 214), ignore=(1,))
    assert [k for _, k in finds(np.random.default_rng(0), found, known)] == expected


def test_nothing_is_denied_where_nobody_looked() -> None:
    known = labels((100, 100, 180, 125))
    unknown = Labels(known.box, known.quad, known.trust, known.edge, known.ignore, np.array([[0, 0, 320, 320.0]]))
    assert finds(np.random.default_rng(0), plates_at((10, 10, 50, 24)), unknown) == []
    assert anywhere(np.random.default_rng(0), unknown, 320, 3) == []


def test_displaced_plates_still_meet_theirs() -> None:
    known = labels((100, 100, 180, 125))
    for seed in range(40):
        for quad, k in displaced(np.random.default_rng(seed), known):
            assert k == 0
            assert box_iou_matrix(quad_box(quad)[None], known.box)[0, 0] > 0.05


def test_places_anywhere_are_no_plates() -> None:
    known = labels((100, 100, 180, 125), (20, 30, 60, 44))
    for seed in range(40):
        for quad, k in anywhere(np.random.default_rng(seed), known, 320, 4):
            assert k == -1
            assert box_iou_matrix(quad_box(quad)[None], known.box).max() < 0.15


def test_a_cut_knows_its_corners() -> None:
    frame = frame_of(np.zeros((320, 320, 3), np.uint8))
    known = labels((100, 100, 180, 125))
    quad = known.quad[0] + 2.0
    made = make_cut(frame, quad, known, 0)
    assert made is not None
    np.testing.assert_allclose(transform(made.to_frame, made.corners), known.quad[0], atol=1e-9)
    np.testing.assert_allclose(made.to_frame, cut_to_frame(quad))
    assert make_cut(frame, quad[[1, 0, 2, 3]], known, 0) is None  # crossed


def cut(plate: bool) -> Cut:
    return Cut(np.zeros((48, 96, 3), np.uint8), np.eye(3), np.zeros((4, 2)), np.zeros(4), 1.0, 0.25, plate)


def test_cuts_of_all_pictures_make_one_batch() -> None:
    images, targets = collate([[cut(True)] * CUTS, [], [cut(False)]])
    assert images.shape == (CUTS + 1, 3, 48, 96)
    assert targets.plate.tolist() == [True] * CUTS + [False]
    assert targets.edge.tolist() == [0.25] * (CUTS + 1)
    assert targets.weight.tolist() == [1.0] * (CUTS + 1)


@pytest.mark.parametrize("batch", [[], [[], []], [[cut(True)]]])
def test_a_batch_with_next_to_no_cuts_is_filled_with_what_does_not_teach(batch: list[list[Cut]]) -> None:
    images, targets = collate(batch)
    assert len(images) == 2
    assert targets.weight.sum() == sum(map(len, batch))


# --- corners for boxes


def labelled(note: str | None = None, **plate: object) -> Sample:
    box = (100.0, 100.0, 180.0, 130.0)
    return Sample(
        Path("a.jpg"),
        "a.jpg",
        "scene",
        "train",
        (320, 200),
        note=note,
        plates=(PlateLabel(box=box, **plate),),  # type: ignore[arg-type]
    )


LEANING = np.array([[[102, 104], [178, 101], [179, 127], [103, 130.0]]])


def test_corners_are_stretched_to_a_tight_box_and_taken_from_a_loose_one() -> None:
    tight = with_corners(labelled(), LEANING).plates[0].quad_machine
    assert tight is not None
    np.testing.assert_allclose(quad_box(np.array(tight)), [100, 100, 180, 130])
    assert tight[0][1] > tight[1][1]  # leans as it was found
    loose = with_corners(labelled("box 10 % loose"), LEANING).plates[0].quad_machine
    np.testing.assert_allclose(loose, LEANING[0])


@pytest.mark.parametrize(
    ("sample", "quads"),
    [
        (labelled(), np.zeros((0, 4, 2))),  # nothing found
        (labelled(), LEANING + 40),  # found elsewhere
        (labelled(ignore=True), LEANING),
        (labelled(quad=((0, 0), (1, 0), (1, 1), (0, 1))), LEANING),  # corners are there
    ],
)
def test_other_labels_stay(sample: Sample, quads: np.ndarray) -> None:
    assert with_corners(sample, quads) == sample
