"""Pictures much larger than the network's input."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from streamkit import BLUE, plates_of, scene

from streamer.engine.large import CLOSER, NET_LONG, find, find_closely, once, shrunk_by, tiles
from streamer.types import Frame, Plates


class Shortsighted:
    """Finds blue rectangles that are wide enough once the picture is shrunk."""

    def __init__(self) -> None:
        self.looked = 0

    def detect(self, frame: Frame) -> Plates:
        self.looked += 1
        assert frame.bgr is not None
        mask = (frame.bgr == np.array(BLUE, np.uint8)).all(2).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        seen = [s for s in stats[1:count] if s[2] / shrunk_by(frame.width, frame.height) >= 8]
        return plates_of([(s[0], s[1], s[0] + s[2], s[1] + s[3]) for s in seen])


def found(width: int, height: int, *plates: tuple[int, int]) -> tuple[list[list[float]], int]:
    picture = scene(width, height, *((x, y, BLUE) for x, y in plates))
    detector = Shortsighted()
    boxes = find(detector, Frame(0, 0.0, width, height, bgr=picture)).box_xyxy
    return sorted(boxes.tolist()), detector.looked


def test_a_panorama_is_looked_at_in_tiles() -> None:
    at = [(30, 40), (2540, 200), (7000, 300), (9940, 400)]
    boxes, looked = found(10000, 500, *at)
    assert boxes == [[x, y, x + 48, y + 16] for x, y in at], "each once, also on a seam"
    assert looked == 1 + len(tiles(10000, 500))


def test_ordinary_pictures_are_looked_at_once() -> None:
    for width, height in ((640, 360), (1920, 1080), (3840, 2160), (4000, 3000)):
        assert found(width, height)[1] == 1


def test_tiles_cover_everything_and_are_not_too_many() -> None:
    for width, height in ((15000, 500), (7680, 4320), (500, 15000), (40000, 30000)):
        covered = np.zeros((height // 50 + 1, width // 50 + 1), bool)
        for x1, y1, x2, y2 in tiles(width, height):
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            covered[y1 // 50 : y2 // 50 + 1, x1 // 50 : x2 // 50 + 1] = True
        assert covered.all()
        assert len(tiles(width, height)) <= 64


def test_a_part_of_a_plate_is_no_second_one() -> None:
    kept = once(plates_of([(0, 0, 100, 30), (2, 1, 52, 30), (300, 0, 400, 30)], [0.9, 0.8, 0.7]))
    assert kept.score.tolist() == [0.9, 0.7]


Finds = list[tuple[tuple[int, int, int, int], float]]
WIDE, NARROW = (100, 100, 400, 200), (500, 100, 560, 120)  # px of a picture that is shrunk to half


class Scripted:
    """Says at each size of its input what it was told to find there."""

    operating_point = 0.45

    def __init__(self, first: Finds, closer: Finds, side: int = NET_LONG) -> None:
        self.side, self.asked = side, list[int]()
        self._finds = {NET_LONG: first, CLOSER: closer, 1280: first}

    def detect(self, frame: Frame) -> Plates:
        self.asked.append(self.side)
        finds = self._finds[self.side]
        if any(score < 0 for _, score in finds):
            raise RuntimeError("broken")
        return plates_of([box for box, _ in finds], [score for _, score in finds])


def closely(detector: Scripted, width: int = 1280, height: int = 720) -> Finds:
    plates = find_closely(detector, Frame(0, 0.0, width, height, bgr=np.zeros((height, width, 3), np.uint8)))
    boxes = [(int(a), int(b), int(c), int(d)) for a, b, c, d in plates.box_xyxy]
    return list(zip(boxes, plates.score.tolist(), strict=True))


def moved(box: tuple[int, int, int, int], by: int = 10) -> tuple[int, int, int, int]:
    return box[0] + by, box[1], box[2] + by, box[3]


@pytest.mark.parametrize(
    ("first", "closer", "found"),
    [
        ([], [], []),
        ([], [(NARROW, 0.7)], [(NARROW, 0.7)]),
        ([(WIDE, 0.9)], None, [(WIDE, 0.9)]),  # a plate, and none that is small: one look
        ([(WIDE, 0.9), (NARROW, 0.3)], None, [(WIDE, 0.9), (NARROW, 0.3)]),  # what is small is none
        ([(WIDE, 0.3)], [(WIDE, 0.2)], [(WIDE, 0.3)]),
        ([(WIDE, 0.3)], [(moved(WIDE), 0.8)], [(moved(WIDE), 0.8)]),
        ([(NARROW, 0.5)], [(moved(NARROW), 0.8)], [(moved(NARROW), 0.8)]),
        ([(NARROW, 0.5)], [], [(NARROW, 0.5)]),
        ([(NARROW, 0.7)], [(moved(NARROW), 0.9)], [(NARROW, 0.7)]),  # what is sure stays as it is
        ([(NARROW, 0.7)], [(WIDE, 0.8)], [(WIDE, 0.8), (NARROW, 0.7)]),
        ([(WIDE, 0.7), (NARROW, 0.5)], [((100, 100, 240, 200), 0.8)], [(WIDE, 0.7), (NARROW, 0.5)]),  # a part of it
    ],
)
def test_a_second_look_on_a_larger_input(first: Finds, closer: Finds | None, found: Finds) -> None:
    detector = Scripted(first, closer or [])
    assert closely(detector) == found
    assert detector.asked == ([NET_LONG] if closer is None else [NET_LONG, CLOSER])
    assert detector.side == NET_LONG


@pytest.mark.parametrize(
    ("size", "side", "looks"),
    [
        ((1280, 720), NET_LONG, 2),
        ((720, 1280), NET_LONG, 2),
        ((720, 540), NET_LONG, 2),
        ((640, 384), NET_LONG, 1),  # shows no more on a larger input
        ((320, 200), NET_LONG, 1),
        ((1280, 720), 1280, 1),  # its size was chosen
        ((5120, 2880), NET_LONG, 2),
    ],
)
def test_where_a_second_look_can_show_more(size: tuple[int, int], side: int, looks: int) -> None:
    detector = Scripted([], [], side)
    assert closely(detector, *size) == []
    assert len(detector.asked) == looks


def test_the_size_of_the_input_is_put_back_after_a_fault() -> None:
    detector = Scripted([], [(WIDE, -1.0)])
    with pytest.raises(RuntimeError, match="broken"):
        closely(detector)
    assert detector.side == NET_LONG
