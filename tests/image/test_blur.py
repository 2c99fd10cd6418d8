"""Plates made unreadable: nothing of a text is left inside, and nothing outside is touched."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamer.api import PlateReader
from streamer.image.blur import blur, blurred, blurred_jpeg, box_quad, covered
from streamer.image.warp import frame_of, to_bgr, to_jpeg
from streamer.source.file import VideoSource
from streamer.types import FloatArray, Frame, Image, YuvPlanes

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


def drawn(text: str, quad: FloatArray, size: tuple[int, int] = (320, 200), seed: int = 3) -> Image:
    """A scene of noise with a plate in a quad."""
    picture = np.random.default_rng(seed).integers(60, 200, (size[1], size[0], 3), np.uint8)
    plate = np.full((60, 270, 3), 235, np.uint8)
    cv2.putText(plate, text, (10, 46), cv2.FONT_HERSHEY_DUPLEX, 1.55, (20, 20, 20), 4, cv2.LINE_AA)
    map_ = cv2.getPerspectiveTransform(np.float32([[0, 0], [270, 0], [270, 60], [0, 60]]), np.float32(quad))
    cv2.warpPerspective(plate, map_, size, picture, borderMode=cv2.BORDER_TRANSPARENT, flags=cv2.INTER_AREA)
    return picture


def sharpened(picture: Image) -> Image:
    """What an attacker may do first: unsharp masking, strongly and coarsely."""
    out = picture.astype(float)
    for radius in (2.0, 6.0, 12.0):
        out += 2.0 * (out - cv2.GaussianBlur(out, (0, 0), radius))
    return np.clip(out, 0, 255).astype(np.uint8)


QUADS = [
    box_quad((60, 80, 240, 120)),
    np.array([[50.3, 90.2], [230.1, 60.7], [238.4, 100.5], [58.8, 131.9]]),  # tilted
    np.array([[250.0, 150.0], [60.0, 150.0], [60.0, 110.0], [250.0, 110.0]]),  # upside down
]


@pytest.mark.parametrize("quad", QUADS, ids=["straight", "tilted", "upside down"])
def test_plates_of_different_texts_look_alike_and_the_rest_is_untouched(quad: FloatArray) -> None:
    before = [drawn(text, quad) for text in ("AB12 CDE", "WX89 MNK")]
    after = [picture.copy() for picture in before]
    for picture in after:
        blur(picture, [quad])
    inside, around = np.zeros((2, 200, 320), np.uint8)
    cv2.fillConvexPoly(inside, np.round(quad).astype(np.int32), 1)
    cv2.fillConvexPoly(around, np.round(covered(quad)).astype(np.int32), 1)
    around = cv2.dilate(around, np.ones((5, 5)))
    for was, now in zip(before, after, strict=True):
        np.testing.assert_array_equal(was[around == 0], now[around == 0])
        assert (was[inside > 0] != now[inside > 0]).mean() > 0.9
    differed = np.abs(before[0].astype(int) - before[1])[inside > 0].max()
    differs = np.abs(after[0].astype(int) - after[1])[inside > 0]
    assert differed > 200
    assert differs.max() <= 32  # a step of the patches, where a mean lies at its edge


def test_the_reader_reads_none_of_the_plates_of_a_video() -> None:
    reader = PlateReader()
    source = VideoSource(DEMO)
    source.open()
    seen = 0
    for frame in source.frames():
        if frame.index % 12 or seen >= 4:
            continue
        for plate in reader.read(to_bgr(frame)):
            if plate.confidence < 0.9:
                continue
            seen += 1
            hidden = to_bgr(blurred(frame, [plate.quad]))
            for picture in (hidden, sharpened(hidden)):
                assert plate.text not in [other.text for other in reader.read(picture)]
                x1, y1, x2, y2 = np.round(plate.box_xyxy).astype(int)
                crop = reader.read_crops([picture[max(y1, 0) : y2, max(x1, 0) : x2]])[0]
                same = sum(a == b for a, b in zip(crop.text, plate.text, strict=False))
                assert crop.confidence < 0.5 or same <= len(plate.text) // 3
    source.close()
    assert seen >= 4


@pytest.mark.parametrize("size", [(320, 200), (319, 201)])
def test_planes_are_hidden_in_all_three(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    half = -(-size[1] // 2), -(-size[0] // 2)
    y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in ((size[1], size[0]), half, half))
    frame = Frame(0, 0.0, *size, planes=YuvPlanes(y, u, v, "bt709", False))
    for plane in (y, u, v):
        plane.flags.writeable = False  # the decoder's memory
    planes = blurred(frame, [QUADS[0]]).planes
    assert planes is not None
    for was, now, step in ((y, planes.y, 1), (u, planes.u, 2), (v, planes.v, 2)):
        inside = slice(80 // step, 120 // step), slice(60 // step, 240 // step)
        assert now[inside].std() < 12 < was[inside].std()
        low, high = np.floor(covered(QUADS[0]) / step).min(axis=0), np.ceil(covered(QUADS[0]) / step).max(axis=0)
        outside = np.ones(was.shape, bool)
        outside[int(low[1]) - 1 : int(high[1]) + 2, int(low[0]) - 1 : int(high[0]) + 2] = False
        np.testing.assert_array_equal(was[outside], now[outside])


def test_quads_that_are_none_do_no_harm() -> None:
    picture = drawn("AB12 CDE", QUADS[0])
    nan = np.full((4, 2), np.nan)
    for quad in (nan, box_quad((-90, -90, -20, -40)), box_quad((400, 10, 500, 40)), box_quad((5, 5, 5, 5))):
        blur(picture, [quad])
    blur(picture, [box_quad((-50, -20, 900, 700))])
    assert picture.std() < 40
    frame = frame_of(drawn("AB12 CDE", QUADS[0]))
    assert blurred(frame, []) is frame
    assert blurred_jpeg(b"", [QUADS[0]]) == b"" == blurred_jpeg(b"no picture", [QUADS[0]])


def test_small_plates_are_covered_whole() -> None:
    quad = box_quad((100, 100, 108, 102))
    top, bottom = covered(quad)[:, 1].min(), covered(quad)[:, 1].max()
    assert bottom - top >= 6


def test_a_jpeg_is_hidden_at_its_quad() -> None:
    picture = drawn("AB12 CDE", QUADS[0])
    before = to_jpeg(frame_of(picture))
    decoded = cv2.imdecode(np.frombuffer(before, np.uint8), cv2.IMREAD_COLOR)
    after = cv2.imdecode(np.frombuffer(blurred_jpeg(before, [QUADS[0]]), np.uint8), cv2.IMREAD_COLOR)
    assert after[80:120, 60:240].std() < decoded[80:120, 60:240].std() / 3
    assert np.abs(after[:60].astype(int) - decoded[:60]).mean() < 6
