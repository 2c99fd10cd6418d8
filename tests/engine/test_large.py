"""Pictures much larger than the network's input."""

from __future__ import annotations

import cv2
import numpy as np
from streamkit import BLUE, plates_of, scene

from streamer.engine.large import find, once, shrunk_by, tiles
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
