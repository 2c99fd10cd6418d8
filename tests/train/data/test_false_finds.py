"""What a detector takes for plates and is none, as pictures of no plate for the reader."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamer.geometry import box_quad
from streamer.types import Frame, Plates
from train.data import finds, grounds
from train.data.boards import board
from train.data.cache import build_cache
from train.data.grounds import FOUND, FalseFind, Grounds, false_finds
from train.data.manifest import PlateLabel, Sample

SIGN, PLATE = (10.0, 10.0, 90.0, 30.0), (100.0, 60.0, 180.0, 80.0)


class TwoFinds:
    """A detector that finds the same two places in every picture, and counts the pictures."""

    identity = "two"
    asked = 0

    def __init__(self, *_: object, **__: object) -> None: ...

    def detect(self, frame: Frame) -> Plates:
        TwoFinds.asked += 1
        boxes = np.array([PLATE, SIGN])
        return Plates(boxes, np.array([0.9, 0.3]), np.array([box_quad(b) for b in boxes]), np.zeros(2, bool))


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> type[TwoFinds]:
    monkeypatch.setattr(finds, "Detector", TwoFinds)
    TwoFinds.asked = 0
    return TwoFinds


def scene(folder: Path, name: str, *, complete: bool = True, labelled: bool = True, kind: str = "scene") -> Sample:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[10:30, 10:90], picture[60:80, 100:180] = (0, 0, 200), (200, 0, 0)
    cv2.imwrite(str(folder / name), picture)
    plates = (PlateLabel("AB123", PLATE),) if labelled else ()
    return Sample(folder / name, name, kind, "train", (200, 100), complete=complete, plates=plates)


def test_only_what_meets_no_label_in_a_fully_labelled_picture(tmp_path: Path, detector: type[TwoFinds]) -> None:
    samples = [
        scene(tmp_path, "partly.png", complete=False),
        scene(tmp_path, "whole.png"),
        scene(tmp_path, "none.png", labelled=False, kind="background"),
        Sample(tmp_path / "gone.png", "gone.png", "scene", "train", (200, 100)),
    ]
    found = false_finds(samples, "any", tmp_path)
    assert [(f.sample, f.score, f.quad[0], f.quad[2]) for f in found] == [
        (1, 0.3, SIGN[:2], SIGN[2:]),
        (2, 0.9, PLATE[:2], PLATE[2:]),
        (2, 0.3, SIGN[:2], SIGN[2:]),
    ]
    asked = detector.asked
    assert false_finds(samples, "any", tmp_path) == found
    assert detector.asked == asked == 2  # kept in the folder


def test_no_picture_at_all(tmp_path: Path, detector: type[TwoFinds]) -> None:
    assert false_finds([], "any", tmp_path) == []


def test_a_find_in_a_shrunk_picture() -> None:
    find = FalseFind(7, ((0.0, 0.0), (8.0, 0.0), (8.0, 2.0), (0.0, 2.0)), 0.4)
    assert find.moved(2, 0.5) == FalseFind(2, ((0.0, 0.0), (4.0, 0.0), (4.0, 1.0), (0.0, 1.0)), 0.4)


def test_finds_are_drawn_by_their_score_beside_any_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [scene(tmp_path, "free.png", labelled=False), scene(tmp_path, "scene.png")]
    cv2.imwrite(str(samples[0].path), np.zeros((100, 200, 3), np.uint8))
    cache = build_cache([s.path for s in samples], tmp_path, 640)
    red = FalseFind(1, tuple((float(x), float(y)) for x, y in box_quad(np.array(SIGN))), 0.9)
    blue = FalseFind(1, tuple((float(x), float(y)) for x, y in box_quad(np.array(PLATE))), 0.1)

    monkeypatch.setattr(grounds, "BOARDS", 0.0)

    def shares(drawn: Grounds, n: int = 400) -> tuple[float, float]:
        rng, seen = np.random.default_rng(0), np.zeros(3)
        for _ in range(n):
            middle = drawn.draw(rng)[24, 64]
            seen += middle > 100
        return float(seen[2] / n), float(seen[0] / n)

    assert shares(Grounds(cache, 1)) == (0.0, 0.0)
    assert shares(Grounds(cache, 1, (red, blue))) == pytest.approx((0.9 * FOUND, 0.1 * FOUND), abs=0.06)
    assert shares(Grounds(cache, 0, (red,))) == (1.0, 0.0)
    assert (len(Grounds(cache, 0)), len(Grounds(cache, 1, (red, blue)))) == (0, 3)


def test_boards_with_words_are_drawn_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grounds, "BOARDS", 1.0)
    black = scene(tmp_path, "free.png", labelled=False)
    cv2.imwrite(str(black.path), np.zeros((100, 200, 3), np.uint8))
    drawn = Grounds(build_cache([black.path], tmp_path, 640), 1).draw(np.random.default_rng(0))
    assert drawn.shape == (48, 128, 3)
    assert drawn.std((0, 1)).max() > 10


@pytest.mark.parametrize("seed", range(40))
def test_a_board_of_any_words(seed: int) -> None:
    drawn = board(np.random.default_rng(seed), 48)
    assert drawn.dtype == np.uint8
    assert drawn.shape[0] == 48
    assert drawn.shape[1] > 20
    assert drawn.std((0, 1)).max() > 10  # something is written on it
