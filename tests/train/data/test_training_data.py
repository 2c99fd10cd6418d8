"""What the networks are shown while they learn: labels stay on their pictures, and a sample is its number's alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from streamer.geometry import box_quad, convex, quad_box
from streamer.plates.alphabet import Alphabet
from train.data.cache import PictureCache, build_cache
from train.data.cover import chinese_boxes, cover
from train.data.detection import (
    DetectionData,
    Labels,
    collate,
    draw_matrix,
    draw_quad,
    labels_of,
    mapped,
    mirrored,
    paste_plate,
    warp,
)
from train.data.manifest import PlateLabel, Sample
from train.data.reading import Crop, Drawn, ReadingData, coarsen, crop_weights, draw_cut

BLUE = (220, 60, 20)


def scene(folder: Path, name: str, *boxes: tuple[float, float, float, float], complete: bool = True) -> Sample:
    """A grey picture of 320 x 200 with blue plates at these boxes, and its labels."""
    picture = np.full((200, 320, 3), 120, np.uint8)
    for x1, y1, x2, y2 in boxes:
        cv2.rectangle(picture, (int(x1), int(y1)), (int(x2) - 1, int(y2) - 1), BLUE, -1)
    cv2.imwrite(str(folder / name), picture)
    plates = tuple(PlateLabel(box=b, quad=tuple(map(tuple, box_quad(np.array(b))))) for b in boxes)  # type: ignore[arg-type]
    kind = "scene" if boxes else "background"
    return Sample(folder / name, name, kind, "train", (320, 200), complete=complete, plates=plates)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return [
        scene(tmp_path, "one.png", (100, 80, 180, 110)),
        scene(tmp_path, "two.png", (20, 20, 70, 40), (200, 150, 260, 172)),
        scene(tmp_path, "none.png"),
        scene(tmp_path, "unsure.png", (150, 100, 200, 120), complete=False),
    ]


def data(samples: Sequence[Sample], folder: Path, bank: PictureCache | None = None, **options: float) -> DetectionData:
    cache = build_cache([s.path for s in samples], folder / "cache", 640)
    return DetectionData(samples, np.ones(len(samples)), cache, bank, 64, 96, 3, **options)  # type: ignore[arg-type]


def labels_at(box: np.ndarray) -> Labels:
    """Trusted labels of these boxes (n, 4) in a picture that is complete."""
    n = len(box)
    return Labels(box, box_quad(box), np.ones(n), np.ones(n), np.zeros(n, bool), np.zeros((0, 4)))


def blue_share(image: np.ndarray, box: np.ndarray) -> float:
    x1, y1, x2, y2 = box.round().astype(int)
    part = image[max(y1, 0) : y2, max(x1, 0) : x2].astype(int)
    return float((part[..., 0] - part[..., 2] > 80).mean()) if part.size else 1.0


def test_a_sample_is_its_numbers_alone(samples: list[Sample], tmp_path: Path) -> None:
    once, again = data(samples, tmp_path), data(samples, tmp_path)
    for i in (5, 0, 63):
        a, b = once[i], again[i]
        assert torch.equal(a[0], b[0])
        assert a[1].box.tolist() == b[1].box.tolist()
    assert not torch.equal(once[1][0], once[2][0])


def test_boxes_stay_on_their_plates(samples: list[Sample], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cache = build_cache([s.path for s in samples], tmp_path / "cache", 640)
    seen = 0
    for k in range(1000):
        labels = labels_of(samples[k % 2], 1.0)
        matrix = draw_matrix(rng, 320, 200, labels, 96)
        image, found = warp(cache[k % 2], matrix, 96), mapped(labels, matrix, 96)
        for box, quad, ignore in zip(found.box, found.quad, found.ignore, strict=True):
            if not ignore and (box[2] - box[0]) > 16 and abs(quad[1, 1] - quad[0, 1]) < 1:
                assert blue_share(image, box) > 0.75
                seen += 1
            assert 0 <= box.min() <= box.max() <= 96
    assert seen > 40


def test_a_picture_cut_before_it_is_shrunk_is_the_same_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (400, 600, 3), np.uint8), (0, 0), 6)
    matrix = np.array([[0.3, 0.02, -50], [-0.02, 0.31, -20], [0, 0, 1.0]])
    shown = warp(picture, matrix, 64)
    larger = warp(picture, np.array([[1, 0, 16], [0, 1, 16], [0, 0, 1.0]]) @ matrix, 96)[16:80, 16:80]
    assert np.abs(shown.astype(int) - larger).mean() < 2


def test_plates_cut_off_or_tiny_are_ignored_and_lost_ones_dropped() -> None:
    box = np.array([[0, 0, 40, 20], [90, 0, 130, 20], [200, 0, 240, 20], [10, 40, 16, 43]], float)
    labels = labels_at(box)
    found = mapped(labels, np.eye(3), 100)
    assert found.box.tolist() == [[0, 0, 40, 20], [90, 0, 100, 20], [10, 40, 16, 43]]
    assert found.ignore.tolist() == [False, True, True]


def test_a_mirror_twice_is_nothing_and_quads_stay_clockwise() -> None:
    box = np.array([[10, 20, 50, 35.0]])
    labels = labels_at(box)
    image = np.arange(96 * 96 * 3, dtype=np.uint8).reshape(96, 96, 3)
    flipped, there = mirrored(image, labels)
    back, again = mirrored(flipped, there)
    assert np.array_equal(back, image)
    assert again.box.tolist() == box.tolist()
    assert convex(there.quad).all()
    assert there.box[0].tolist() == quad_box(there.quad)[0].tolist() == [46, 20, 86, 35]


def test_pasted_plates_lie_where_their_quad_says() -> None:
    rng = np.random.default_rng(4)
    plate = np.full((20, 60, 3), BLUE, np.uint8)
    for _ in range(50):
        quad = draw_quad(rng, 3.0, 160, None, float(rng.uniform(20, 100)))
        assert convex(quad)
        assert quad.min() >= 0
        picture = paste_plate(rng, np.full((160, 160, 3), 120, np.uint8), plate, quad)
        middle = quad.mean(0).astype(int)
        b, _, r = (int(v) for v in picture[middle[1], middle[0]])
        assert b - r > 20
        far = np.array([[2, 2], [157, 2], [2, 157], [157, 157]])
        clear = [p for p in far if np.linalg.norm(quad - p, axis=1).min() > 60]
        assert all((picture[y, x] == 120).all() for x, y in clear)


def test_distractors_keep_off_the_plates(samples: list[Sample], tmp_path: Path) -> None:
    set_ = data(samples, tmp_path)
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(40):
        image = np.full((96, 96, 3), 120, np.uint8)
        out = set_._distract(rng, image, labels_at(np.array([[30, 40, 70, 55.0]])))
        changed += bool((out != image).any())
        assert (out[40:55, 30:70] == 120).all()
    assert changed > 10


def test_an_incomplete_tile_leaves_the_others_known(samples: list[Sample], tmp_path: Path) -> None:
    set_ = data(samples, tmp_path, mosaic=1.0)
    shares = []
    for i in range(30):
        unknown = set_[i][1].unknown
        assert (unknown >= 0).all()
        assert (unknown <= 96).all()
        shares.append(float((unknown[:, 2:] - unknown[:, :2]).prod(-1).sum() / 96**2))
    assert 0 < np.mean(shares) < 0.5
    whole = mapped(labels_of(samples[3], 1.0), np.eye(3), 96)
    assert whole.unknown.tolist() == [[0, 0, 96, 96]]


def test_loose_boxes_are_trusted_less(tmp_path: Path) -> None:
    tight = scene(tmp_path, "t.png", (100, 80, 180, 110))
    plate = replace(tight.plates[0], quad=None)
    loose = replace(tight, note="box a little loose", plates=(plate,))
    cornered = replace(loose, plates=(replace(plate, quad_machine=tight.plates[0].quad),))
    assert [labels_of(s, 1.0).edge.tolist() for s in (tight, loose, cornered)] == [[1.0], [0.25], [1.0]]


def test_batches(samples: list[Sample], tmp_path: Path) -> None:
    set_ = data(samples, tmp_path)
    images, targets = collate([set_[i] for i in range(16)])
    assert images.shape == (16, 3, 96, 96)
    assert images.dtype == torch.uint8
    m = targets.valid.shape[1]
    assert targets.boxes.shape == (16, m, 4)
    assert targets.quads.shape == (16, m, 4, 2)
    assert targets.ignore.ndim == 3
    assert targets.edge.shape == targets.valid.shape
    assert (targets.unknown[..., 2:] > targets.unknown[..., :2]).any()
    empty = collate([(torch.zeros(3, 96, 96, dtype=torch.uint8), Labels.empty())] * 2)[1]
    assert empty.boxes.shape == (2, 0, 4)


ALPHABET = Alphabet.load(Path(__file__).parents[3] / "configs" / "plates" / "alphabet.yaml")


def test_every_way_of_cutting_holds_the_plate() -> None:
    rng = np.random.default_rng(2)
    quad = np.array([[20, 10], [100, 14], [98, 40], [19, 36]], float)
    crop = Crop("A1", "CN", "blue", 1, quad, quad_box(quad))
    for _ in range(300):
        shown = draw_cut(rng, crop, 120, 50)
        low, high = shown.min(0), shown.max(0)
        assert (low <= quad.min(0) + 8).all()
        assert (high >= quad.max(0) - 8).all()
    whole = draw_cut(rng, Crop("A1", "CN", None, None, None, None), 120, 50)
    assert np.abs(whole - box_quad(np.array([0, 0, 120, 50.0]))).max() < 15


def drawn() -> tuple[np.ndarray, Drawn]:
    image = np.full((32, 96, 3), 255, np.uint8)
    boxes = np.array([[k * 0.2, 0.2, k * 0.2 + 0.15, 0.8] for k in range(5)])
    return image, Drawn("AB123", "DE", "white", 1, boxes)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shear", [0.0, 12.0])
def test_a_covered_character_becomes_unreadable(seed: int, shear: float) -> None:
    _, plate = drawn()
    image = np.random.default_rng(9).integers(0, 255, (64, 220, 3), np.uint8)
    before = image.copy()
    quad = np.array([[20.0, 8], [200, 8 + shear], [200, 44 + shear], [20, 44]])
    text = cover(np.random.default_rng(seed), image, plate.text, plate.char_boxes, quad)
    k = text.index("?")
    assert text.replace("?", plate.text[k]) == plate.text
    changed = np.argwhere((image != before).any(-1))
    x1, x2 = 20 + plate.char_boxes[k, [0, 2]] * 180
    assert x1 - 10 <= changed[:, 1].min() < x1 + 5
    assert x2 - 5 < changed[:, 1].max() <= x2 + 10
    middle = np.array([(x1 + x2) / 2 - 20, 18]) * [1, 1]
    y = 8 + shear * middle[0] / 180 + 18
    assert (
        image[int(y) - 3 : int(y) + 4, int(20 + middle[0])] != before[int(y) - 3 : int(y) + 4, int(20 + middle[0])]
    ).any()


def test_a_character_too_small_to_cover_stays() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    quad = box_quad(np.array([0, 0, 8, 1.0]))
    assert cover(np.random.default_rng(0), image, "AB123", np.zeros((5, 4)), quad) == "AB123"


@pytest.mark.parametrize(("text", "gap"), [("皖A12345", 34 / 440), ("皖AD12345", 47 / 480)])
def test_chinese_characters_stand_in_order(text: str, gap: float) -> None:
    boxes = chinese_boxes(text)
    assert boxes is not None
    assert len(boxes) == len(text)
    assert ((boxes >= 0) & (boxes <= 1)).all()
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    assert (gaps > 0).all()
    assert gaps.argmax() == 1  # the dot
    assert gaps[1] == pytest.approx(gap, abs=1e-6)
    assert chinese_boxes("AB123") is None


@pytest.mark.parametrize(("characters", "rows"), [(7, 1), (10, 1), (8, 2), (1, 1)])
def test_coarse_crops_stay_legible(characters: int, rows: int) -> None:
    stripes = np.zeros((48, 128, 3), np.uint8)
    step = max(2, 128 // (2 * -(-characters // rows)))
    stripes[:, (np.arange(128) // step) % 2 == 1] = 255  # as fine as the strokes between characters
    for seed in range(20):
        seen = coarsen(np.random.default_rng(seed), stripes, characters, rows)
        assert seen.shape == stripes.shape
        assert float(seen[..., 0].std()) > 40


def test_reading_samples(tmp_path: Path) -> None:
    image, plate = drawn()
    cv2.imwrite(str(tmp_path / "c.png"), image)
    cache = build_cache([tmp_path / "c.png"], tmp_path / "cache", 320)
    crops = [Crop("皖A12345", "CN", "blue", None, None, None)]
    set_ = ReadingData(crops, np.ones(1), cache, [plate], cache, ALPHABET, 40, 12, 0.5, 1)
    texts = set()
    for i in range(40):
        picture, slots, length, colour, rows, region = set_[i]
        assert picture.shape == (3, 48, 128)
        assert len(slots) == 12
        assert length == len(ALPHABET.decode(slots))
        assert rows == 0  # a wide crop holds one row
        assert (colour, region) in ((0, 0), (3, 1))  # blue in China, white in Europe
        texts.add(ALPHABET.decode(slots).replace("?", ""))
    assert "皖A12345" in texts
    assert "AB123" in texts
    assert torch.equal(set_[7][0], set_[7][0])


def test_rare_kinds_come_more_often() -> None:
    crops = [Crop(f"皖A{k}", "CN", None, 1, None, None) for k in range(100)] + [Crop("藏A1", "CN", None, 1, None, None)]
    w = crop_weights(crops, 0.5)
    assert w[-1] / w[0] == pytest.approx(2)
    assert len(set(crop_weights(crops, 1.0))) == 1


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["A1"], [1.0]),
        (["A1", "B2"], [1.0, 1.0]),
        (["A1", "A1", "B2"], [0.5, 0.5, 1.0]),  # two crops of one plate share
        (["", "", "B2"], [1.0, 1.0, 1.0]),  # crops without a text are plates of their own
    ],
)
def test_a_rare_country_is_not_learned_by_heart(texts: list[str], expected: list[float]) -> None:
    w = crop_weights([Crop(t, "XX", None, 1, None, None) for t in texts], 0.5)
    assert w == pytest.approx(np.array(expected) * 25**-0.5)
