"""The Python interface with the shipped networks: what goes in, what comes out, and both ways pixels can take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamkit import write_video

from streamer import PlateReader
from streamer.engine.crop_location import locate
from streamer.engine.decoders import Certainty, reading_of
from streamer.engine.detector import good_quads, in_frame
from streamer.engine.reader import Reader
from streamer.engine.zoo import config_folder
from streamer.errors import ConfigError, ModelError
from streamer.geometry import box_iou_matrix, box_quad, plate_height, quad_box
from streamer.image.warp import frame_of, rectify
from streamer.passages.vote import CUT_TEXT
from streamer.plates.alphabet import Alphabet
from streamer.source.file import VideoSource
from streamer.types import Image, Kind, Plate, Reading
from train.export.golden import golden_crops
from train.synth.clip import ClipScene


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader(precision="f32")


@pytest.fixture(scope="module")
def street() -> Image:
    """A drawn street (540, 960, 3) with a plate that is near enough to be read."""
    return ClipScene(5.0, 5, (960, 540), 3, 11).frame(9)


@pytest.mark.parametrize(
    ("countries", "message"),
    [
        ("DE", r"countries: expected a list of countries, like \[DE\]"),
        (("Germany",), "countries: expected the two letters of a country"),
        ((True,), "countries: expected the two letters"),
        (("qq",), "countries: QQ: nothing is known of its plates"),
    ],
)
def test_countries_that_are_none(countries: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PlateReader(precision="f32", countries=countries)


def test_countries_in_any_case(street: Image) -> None:
    assert [p.text for p in PlateReader(precision="f32", countries=["cn", "CN"]).read(street)]


def test_a_picture(reader: PlateReader, street: Image) -> None:
    plates = reader.read(street)
    assert plates
    assert [p.score for p in plates] == sorted((p.score for p in plates), reverse=True)
    for p in plates:
        assert p.box_xyxy.shape == (4,)
        assert p.box_xyxy.dtype == p.quad.dtype == np.float64
        assert p.quad.shape == (4, 2)
        assert p.score >= reader.min_score
        assert len(p.char_confidence) == len(p.text)
        assert 0 <= p.confidence <= 1
    seen = reader.detect(street)
    assert [(p.text, p.confidence) for p in seen] == [("", 0.0)] * len(seen)
    finds = {tuple(p.box_xyxy): p.score for p in seen}
    assert all(finds[tuple(p.box_xyxy)] >= p.score for p in plates)
    read = [p for p in plates if p.confidence > 0.9]
    assert read
    assert [finds[tuple(p.box_xyxy)] for p in read] == pytest.approx(
        [p.score for p in read], abs=0.01
    )  # letters in each


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (37, 21), (540, 960), (1200, 90)])
def test_a_picture_without_plates(reader: PlateReader, size: tuple[int, int]) -> None:
    assert reader.read(np.full((*size, 3), 90, np.uint8)) == []


def same(a: list[Plate], b: list[Plate]) -> bool:
    return [(p.text, p.score, p.box_xyxy.tolist()) for p in a] == [(p.text, p.score, p.box_xyxy.tolist()) for p in b]


def test_other_layouts_work(reader: PlateReader, street: Image) -> None:
    plain = reader.read(street)
    bgra = np.dstack([street, np.full(street.shape[:2], 255, np.uint8)])
    assert same(reader.read(bgra), plain)
    assert same(reader.read(np.asfortranarray(street)), plain)
    assert same(reader.read(np.repeat(street, 2, axis=1)[:, ::2]), plain)
    grey = street[..., 1]
    assert same(reader.read(grey), reader.read(np.dstack([grey] * 3)))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
    ids=lambda a: f"{a.shape}-{a.dtype}",
)
def test_unfit_pictures_are_named(reader: PlateReader, bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape .* and dtype .* cannot be read; expected \(H, W, 3\) uint8 BGR") as e:
        reader.read(bad)
    assert str(bad.shape) in str(e.value)
    assert str(bad.dtype) in str(e.value)
    with pytest.raises(ValueError, match="dtype"):
        reader.read_crops([bad])


@pytest.mark.parametrize("bad", [None, "picture.jpg", [[1, 2], [3, 4]]], ids=str)
def test_what_is_no_array_is_named(reader: PlateReader, bad: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        reader.read(bad)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_crops_alone_and_in_a_batch_are_alike(reader: PlateReader, count: int) -> None:
    crops = list(golden_crops())[:count]
    together = reader.read_crops(crops)
    alone = [reader.read_crops([c])[0] for c in crops]
    assert [(r.text, r.confidence) for r in together] == [(r.text, r.confidence) for r in alone]


@pytest.mark.parametrize("margins", list(product((0.0, 0.12, 0.25, 0.33), (0.0, 0.25))), ids=str)
def test_a_crop_is_read_alike_with_any_margin(reader: PlateReader, street: Image, margins: tuple[float, float]) -> None:
    plate = reader.read(street)[0]
    assert plate.confidence > 0.9
    x1, y1, x2, y2 = plate.box_xyxy
    along, across = margins[0] * (x2 - x1), margins[1] * (y2 - y1)
    crop = street[round(y1 - across) : round(y2 + across), round(x1 - along) : round(x2 + along)]
    found = reader.read_crops([crop])[0]
    assert found.text == plate.text
    assert found.confidence > 0.5


def test_the_plate_of_a_crop_is_located_in_it(reader: PlateReader, street: Image) -> None:
    plate = reader.read(street)[0]
    x1, y1, x2, y2 = (round(float(v)) for v in plate.box_xyxy)
    quad = locate(reader._detector, street[y1 - 9 : y2 + 9, x1 - 30 : x2 + 30])
    assert quad is not None
    assert box_iou_matrix(quad_box(quad)[None] + np.tile([x1 - 30.0, y1 - 9.0], 2), plate.box_xyxy[None])[0, 0] > 0.8
    assert locate(reader._detector, np.full((60, 150, 3), 128, np.uint8)) is None


def test_a_plate_cut_by_the_edge_is_less_sure(reader: PlateReader, street: Image) -> None:
    plate = reader.read(street)[0]
    x1, _, x2, _ = plate.box_xyxy
    cut = reader.read(street[:, : round(x1 + 0.7 * (x2 - x1))])
    assert all(p.confidence <= CUT_TEXT for p in cut if p.box_xyxy[2] > x1 + 0.6 * (x2 - x1))


def test_thresholds(street: Image) -> None:
    low, high = PlateReader(min_score=0.02), PlateReader(min_score=0.99)
    assert low.min_score == 0.02
    assert len(low.detect(street)) >= len(PlateReader().detect(street)) >= len(high.detect(street))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"min_score": 0.0}, ConfigError),
        ({"min_score": 1.0}, ConfigError),
        ({"precision": "fp16"}, ConfigError),
        ({"detector": "no-such"}, ModelError),
        ({"reader": "no-such.xml"}, ModelError),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        PlateReader(**options)


# (swscale's number of the matrix, of the range, pixel format)
COLOURS = [(*c, f) for c, f in product([(5, 1), (5, 2), (1, 1), (1, 2)], ["yuv420p", "yuv444p", "yuv420p10le"])]


@pytest.mark.parametrize(("matrix", "limits", "pix_fmt"), COLOURS)
def test_video_and_picture_give_the_same_plates(
    reader: PlateReader, street: Image, tmp_path: Path, matrix: int, limits: int, pix_fmt: str
) -> None:
    video = write_video(tmp_path / "a.mkv", [street], codec="ffv1", pix_fmt=pix_fmt, colour=(matrix, limits))
    source = VideoSource(video)
    source.open()
    frame = next(iter(source.frames()))
    assert (frame.bgr is None) == (frame.planes is not None)
    plates = reader._detector.detect(frame)
    texts = [r.text for r in reader._reader.read([rectify(frame, q) for q in plates.quad])]
    source.close()
    expected = reader.read(street)
    # What scores beside the threshold may fall on either side of it; all that is clear is found both ways.
    close = 0.06
    clear = [p for p in expected if p.score >= reader.min_score + close]
    assert clear
    iou = box_iou_matrix(np.array([p.box_xyxy for p in expected]), plates.box_xyxy)
    assert (iou.max(0)[plates.score >= reader.min_score + close] > 0.9).all()
    for i, plate in enumerate(expected):
        if plate not in clear:
            continue
        j = int(iou[i].argmax())
        assert iou[i, j] > 0.9
        assert abs(plates.score[j] - plate.score) < close
        if plate.confidence > 0.8:
            assert texts[j] == plate.text


def test_a_model_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="'plate-reader': is a reader, expected a detector"):
        PlateReader(detector="plate-reader")
    with pytest.raises(ModelError, match="is a detector, expected a reader"):
        PlateReader(reader="plate-detector-s")


@pytest.mark.parametrize(
    ("slots", "text", "confidence"),
    [("AB", "AB", True), ("A?", "A?", True), ("??", "", False), ("", "", False)],
)
def test_a_plate_that_nobody_could_read_has_no_text(slots: str, text: str, confidence: bool) -> None:
    alphabet = Alphabet.load(config_folder() / "plates" / "alphabet.yaml")
    probs = np.full((12, alphabet.size), 1e-4, np.float32)
    probs[np.arange(12), alphabet.encode(slots, 12)] = 0.99
    unsure = [np.full(n, 1 / n, np.float32) for n in (5, 2, 6)]
    found = reading_of(np.log(probs), [np.log(p) for p in unsure], alphabet, 1.0, Certainty())
    assert found.text == text
    assert (found.confidence > 0) == confidence
    assert len(found.char_confidence) == len(text)
    assert found.kind == Kind(None, None, None)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ([(0.9, 0, 0, 0.1, 0), (0.1, 0.9), (0, 0, 0.7, 0.3, 0, 0)], Kind("blue", 2, "north-america")),
        ([(0.5, 0, 0, 0.5, 0), (1, 0), (0, 0, 0, 0, 0, 1)], Kind(None, 1, "africa")),
        ([(0, 0, 0, 0, 1), (0.5, 0.5)], Kind("black", None, None)),  # a reader of old has no region
    ],
)
def test_what_kind_of_plate_it_is(kind: list[tuple[float, ...]], told: Kind) -> None:
    alphabet = Alphabet.load(config_folder() / "plates" / "alphabet.yaml")
    probs = np.full((12, alphabet.size), 1e-4, np.float32)
    logits = [np.log(np.maximum(np.array(k, np.float32), 1e-9)) for k in kind]
    assert reading_of(np.log(probs), logits, alphabet, 1.0, Certainty()).kind == told


SQUARE = np.array([[10, 10], [50, 10], [50, 30], [10, 30]], float)


@pytest.mark.parametrize(
    ("quad", "box", "good"),
    [
        (SQUARE, [10, 10, 50, 30], True),
        (SQUARE + [3, 2], [10, 10, 50, 30], True),
        (SQUARE + [40, 0], [10, 10, 50, 30], False),  # lies elsewhere
        (SQUARE[[0, 2, 1, 3]], [10, 10, 50, 30], False),  # crossed
        (SQUARE[[1, 0, 3, 2]], [10, 10, 50, 30], False),  # mirrored
        (SQUARE * [1, 0] + [0, 20], [10, 10, 50, 30], False),  # flat
        (SQUARE[[2, 3, 0, 1]], [10, 10, 50, 30], True),  # upside down is a plate too
    ],
)
def test_good_quads(quad: np.ndarray, box: list[float], good: bool) -> None:
    assert good_quads(quad[None], np.array([box], float)).tolist() == [good]


def test_in_frame_clips_drops_and_falls_back() -> None:
    box = np.array([[-5, 2, 40, 20], [90, 50, 140, 80], [200, 0, 240, 10]], float)
    quad = box_quad(box)
    quad[1] = quad[1][[1, 0, 3, 2]]
    plates = in_frame(box, np.array([0.9, 0.8, 0.7]), quad, 100, 60)
    assert plates.box_xyxy.tolist() == [[0, 2, 40, 20], [90, 50, 100, 60]]
    assert plates.quad_is_box.tolist() == [False, True]
    assert plates.quad[1].tolist() == box_quad(plates.box_xyxy)[1].tolist()
    assert len(in_frame(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4, 2)), 100, 60)) == 0


def test_one_picture_in_place_of_a_list(reader: PlateReader) -> None:
    assert reader.read_crops([]) == []
    for picture in (np.zeros((40, 120, 3), np.uint8), np.zeros((40, 120), np.uint8)):
        with pytest.raises(ValueError, match=r"expected a list: read_crops\(\[picture\]\)"):
            reader.read_crops(picture)  # type: ignore[arg-type]


def test_threads_share_a_reader(street: Image) -> None:
    """Compiled by whichever comes first, landscape and portrait, the same as alone."""
    pictures = [street, street[:, 200:700], np.ascontiguousarray(street[:, ::-1]), street.transpose(1, 0, 2)]
    alone = PlateReader(precision="f32", threads=1)
    expected = [alone.read(picture) for picture in pictures]
    crops = [alone.read_crops([street[y : y + 48, :128]])[0].text for y in range(4)]
    shared = PlateReader(precision="f32", threads=1)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(shared.read, pictures * 4))
        read = list(pool.map(lambda y: shared.read_crops([street[y : y + 48, :128]])[0].text, [0, 1, 2, 3] * 4))
    assert all(same(a, b) for a, b in zip(found, expected * 4, strict=True))
    assert read == crops * 4


def test_short_to_print(reader: PlateReader, street: Image) -> None:
    plates = reader.read(street)
    things = [
        reader,
        plates[0],
        reader.read_crops([street])[0],
        frame_of(street),
        reader._detector.detect(frame_of(street)),
    ]
    for thing in things:
        assert len(repr(thing)) < 200, repr(thing)[:300]
        assert type(thing).__name__ in repr(thing)
    assert repr(plates[0].text) in repr(plates[0])


def test_a_guess_is_no_text(monkeypatch: pytest.MonkeyPatch, reader: PlateReader, street: Image) -> None:
    """What is in no script of the alphabet comes out as a province at 0.005."""
    guess = Reading("皖", 0.005, (0.1,), Kind("blue"))
    monkeypatch.setattr(Reader, "read", lambda _, crops: [guess] * len(crops))
    for found in (*reader.read(street), *reader.read_crops([street])):
        assert (found.text, found.confidence, found.char_confidence, found.kind.colour) == ("", 0.0, (), "blue")


def answers(monkeypatch: pytest.MonkeyPatch, *told: Reading) -> list[int]:
    """The reader then says these one after the other, the last of them for ever; counts of the crops it was asked."""
    left, asked = list(told), []

    def read(_: Reader, crops: list[Image]) -> list[Reading]:
        asked.append(len(crops))
        return [left.pop(0) if len(left) > 1 else left[0] for _ in crops]

    monkeypatch.setattr(Reader, "read", read)
    return asked


@pytest.mark.parametrize("crops", [False, True])
def test_a_doubtful_plate_is_read_again(
    monkeypatch: pytest.MonkeyPatch, reader: PlateReader, street: Image, crops: bool
) -> None:
    doubtful, other = Reading("AB12", 0.6, (0.9,) * 4), Reading("A812", 0.7, (0.95,) * 4)
    monkeypatch.setattr("streamer.api.find_closely", lambda detector, frame: detector.detect(frame)[:1])
    monkeypatch.setattr("streamer.api.locate", lambda *_: None)
    asked = answers(monkeypatch, doubtful, other)
    (found,) = reader.read_crops([street]) if crops else reader.read(street)
    assert sum(asked) == 7
    assert (found.text, found.confidence, found.char_confidence) == ("A812", pytest.approx(6 * 0.7 / 7), (0.95,) * 4)


def test_a_find_in_which_the_reader_sees_nothing_is_no_plate(
    monkeypatch: pytest.MonkeyPatch, reader: PlateReader, street: Image
) -> None:
    slots = np.zeros((16, reader._reader.alphabet.size), np.float32)
    slots[:, reader._reader.alphabet.eos] = 1.0
    answers(monkeypatch, Reading("", 0.0, (), slot_probs=slots))
    before, after = reader.detect(street), reader.read(street)
    heights = [float(plate_height(p.quad[None])[0]) for p in before]
    assert max(heights) > 8
    legible = [(min(max((h - 6) / 8, 0), 1), min(max((h - 10) / 14, 0), 1)) for h in heights]
    left = [p.score * (1 - a / 2) * (1 - b / 5) for p, (a, b) in zip(before, legible, strict=True)]
    assert [p.score for p in after] == pytest.approx(sorted((s for s in left if s >= reader.min_score), reverse=True))
    assert sum(p.score for p in after) < sum(p.score for p in before)


PLATE_ALONE = Reading("AB12", 0.95, (0.95,) * 4)


@pytest.mark.parametrize(
    ("reading", "min_score", "found"),
    [
        (PLATE_ALONE, None, [("AB12", 0.95)]),
        (PLATE_ALONE, 0.1, [("AB12", 0.95)]),
        (PLATE_ALONE, 0.9, []),  # no find is as good as that
        (replace(PLATE_ALONE, confidence=0.8), None, []),
        (Reading("", 0.0, ()), None, []),
    ],
)
def test_a_picture_of_a_plate_alone(
    monkeypatch: pytest.MonkeyPatch, reading: Reading, min_score: float | None, found: list[tuple[str, float]]
) -> None:
    one = PlateReader(precision="f32", min_score=min_score)
    answers(monkeypatch, *[reading] * 8)
    monkeypatch.setattr("streamer.api.locate", lambda *_: None)
    plates = one.read(np.full((40, 120, 3), 90, np.uint8))
    assert [(p.text, pytest.approx(p.confidence)) for p in plates] == found
    for plate in plates:
        assert plate.box_xyxy.tolist() == [0, 0, 120, 40]
        assert plate.score == one._detector.operating_point


def test_a_drawn_plate_alone_is_read(reader: PlateReader) -> None:
    """Tight crops, of which the detector knows few without a street around them."""
    crops = list(golden_crops())[:24:2]
    alone = [reading.text for reading in reader.read_crops(crops)]
    read = [[plate.text for plate in reader.read(crop)] for crop in crops]
    same_text = [text in texts for text, texts in zip(alone, read, strict=True)]
    assert sum(same_text) >= 10


def test_where_a_plate_is_found_the_picture_is_none(monkeypatch: pytest.MonkeyPatch, street: Image) -> None:
    one = PlateReader(precision="f32")
    monkeypatch.setattr(one, "_read_crop", lambda *_: pytest.fail("not asked"))
    assert one.read(street)


def test_nothing_is_done_twice_where_time_counts(monkeypatch: pytest.MonkeyPatch, street: Image) -> None:
    quick = PlateReader(precision="f32", thorough=False)
    monkeypatch.setattr("streamer.api.find_closely", lambda *_: pytest.fail("looked again"))
    monkeypatch.setattr(quick, "_read_crop", lambda *_: pytest.fail("not asked"))
    assert [p.text for p in quick.read(street) if p.confidence > 0.9]
    asked = answers(monkeypatch, Reading("AB12", 0.6, (0.9,) * 4))
    assert quick.read(np.full((400, 800, 3), 90, np.uint8)) == []
    found = quick.read(street)
    assert sum(asked) == len(quick.detect(street)) >= len(found) > 0
    assert {p.confidence for p in found} <= {0.6, 0.6 * CUT_TEXT}
