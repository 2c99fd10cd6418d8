"""What a row may not claim: weak and cut readings, still pictures, two vehicles in one place, near repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamkit import BLUE, GREEN, PLATES, RED, FakeAlphabet, FakeDetector, FakeReader, passage_of, reading_of, scene

from streamer.passages.book import PassageBook
from streamer.passages.vote import Ballot, vote
from streamer.pipeline.runner import run_stream
from streamer.plates.texts import cut_from, distance
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Image, Passage, Reading

ALPHABET = FakeAlphabet()
HERE = (10.0, 10.0, 70.0, 30.0)


def sure_of(text: str, confidence: float) -> Reading:
    """A reading of that confidence in all."""
    return reading_of(text, confidence ** (1 / (len(text) + 1)))


def at(x: float) -> tuple[float, float, float, float]:
    return x, 10.0, x + 60, 30.0


def test_many_weak_readings_never_make_a_sure_one() -> None:
    weak = [Ballot(sure_of("XHHHHX", 0.08), 30.0, box=at(20.0 * k)) for k in range(63)]
    assert vote(weak, ALPHABET).confidence < 0.25
    some = [Ballot(sure_of("AB1234", 0.4), 30.0, box=at(20.0 * k)) for k in range(20)]
    assert 0.6 < vote(some, ALPHABET).confidence < 0.8  # what differs from frame to frame does add up


def test_a_still_scene_is_one_look() -> None:
    still = [Ballot(sure_of("AB1234", 0.4), 30.0, box=HERE)] * 40
    assert vote(still, ALPHABET).confidence == pytest.approx(0.4, abs=0.02)
    parked = [Ballot(sure_of("AB1234", 0.97), 30.0, box=HERE)] * 40
    assert vote(parked, ALPHABET).confidence > 0.95


def test_a_cut_plate_is_less_sure_in_one_reading_too() -> None:
    verdict = vote([Ballot(sure_of("123", 0.82), 30.0, whole=False)], ALPHABET)
    assert verdict.confidence < 0.5
    assert verdict.cut
    assert 0.5 < vote([Ballot(sure_of("AB123", 0.99), 30.0, whole=False)] * 4, ALPHABET).confidence < 0.7


@pytest.mark.parametrize("left", ["AB12?", "AB12", "AB123", "B1234", "?1234"])
def test_what_the_edge_left_gives_way_to_the_whole(left: str) -> None:
    whole = [Ballot(sure_of("AB1234", 0.3), 10.0)]
    cut = [Ballot(sure_of(left, 0.95), 30.0, whole=False)] * 30
    verdict = vote([*whole, *cut], ALPHABET)
    assert verdict.text == "AB1234"
    assert not verdict.cut


def test_how_far_texts_are_apart() -> None:
    assert distance("AB1", "AB1") == distance("A?1", "AB1") == 0
    assert distance("AB1", "AX1") == distance("AB1", "AB12") == 1
    assert distance("AB1", "XYZ9") == 4
    assert cut_from("AB12", "AB1234")
    assert not cut_from("AB1234", "AB1234")
    assert not cut_from("A", "AB1234")
    assert not cut_from("AX1", "AB1234")


class Film:
    """Pictures at a rate."""

    name, live = "film", False

    def __init__(self, pictures: Sequence[Image], fps: float) -> None:
        self.warnings: list[str] = []
        self._pictures, self._fps = pictures, fps

    def open(self) -> StreamInfo:
        return StreamInfo(self.name, 320, 180)

    def frames(self) -> Iterator[Frame]:
        for k, picture in enumerate(self._pictures):
            yield Frame(k, k / self._fps, 320, 180, bgr=picture)

    def close(self) -> None: ...


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)


def rows_of(pictures: Sequence[Image], fps: float = 25.0, reader: Any = None) -> list[Passage]:
    rows = Rows()
    summary = run_stream(Film(pictures, fps), [rows], detector=FakeDetector(), reader=reader or FakeReader())
    rejected = sum(summary.rejected.values())
    assert summary.tracks + summary.rejected.get("seen too rarely", 0) == summary.passages + summary.joined + rejected
    return rows.passages


def standing(colour: tuple[int, int, int], frames: int, x: int = 120) -> list[Image]:
    return [scene(320, 180, (x + k // 8, 80, colour)) for k in range(frames)]


@pytest.mark.parametrize(
    ("fps", "frames", "empty"), [(1, 4, 0), (1, 4, 1), (2, 6, 0), (5, 10, 1), (25, 30, 0), (25, 40, 10), (25, 40, 3)]
)
def test_the_next_vehicle_in_the_same_place_has_its_own_row(fps: float, frames: int, empty: int) -> None:
    pictures = standing(BLUE, frames) + [scene(320, 180)] * empty + standing(GREEN, frames, 124)
    first, second = rows_of(pictures, fps)
    assert (first.plate, second.plate) == (PLATES[BLUE], PLATES[GREEN])
    assert first.last_frame < second.first_frame
    assert second.last_frame == len(pictures) - 1


def test_three_vehicles_after_one_another() -> None:
    pictures = standing(BLUE, 5) + standing(GREEN, 5) + standing(RED, 5) + standing(BLUE, 5)
    assert [row.plate for row in rows_of(pictures, 1)] == [PLATES[BLUE], PLATES[GREEN], PLATES[RED]]


class Slips(FakeReader):
    """Misreads one picture of a plate, surely."""

    def __init__(self, slips: Sequence[int], text: str) -> None:
        self._count, self._slips, self._text = 0, slips, text

    def _one(self, crop: Image) -> Reading:
        self._count += 1
        return reading_of(self._text) if self._count in self._slips else super()._one(crop)


@pytest.mark.parametrize("slips", [(4,), (3, 5), (2,)])
def test_a_slip_of_the_reader_is_no_other_vehicle(slips: Sequence[int]) -> None:
    (row,) = rows_of(standing(BLUE, 100), reader=Slips(slips, "XYZ789"))
    assert row.plate == PLATES[BLUE]


def test_one_character_misread_for_long_is_no_other_vehicle() -> None:
    (row,) = rows_of(standing(BLUE, 200), reader=Slips((5, 6), "皖A12345".replace("5", "6")))
    assert row.plate == PLATES[BLUE]


def test_a_parked_vehicle_has_its_row_and_says_that_it_stood() -> None:
    (row,) = rows_of([scene(320, 180, (120, 80, BLUE))] * 100)
    assert (row.plate, row.flags) == (PLATES[BLUE], ("static",))
    assert 0.65 < row.confidence < 0.8  # each reading is sure to 0.83
    (driving,) = rows_of([scene(320, 180, (4 + 3 * k, 80, BLUE)) for k in range(88)])
    assert driving.flags == ()


class Unsure(FakeReader):
    """Reads as one reads a channel's logo."""

    def _one(self, crop: Image) -> Reading:
        return reading_of(super()._one(crop).text, 0.94)


def test_a_still_thing_that_is_hardly_legible_gives_no_row() -> None:
    assert rows_of([scene(320, 180, (120, 80, BLUE))] * 100, reader=Unsure()) == []
    (row,) = rows_of([scene(320, 180, (4 + 3 * k, 80, BLUE)) for k in range(88)], reader=Unsure())
    assert row.confidence > 0.6


def on(pattern: int, picture: Image) -> Image:
    """The picture with one of several grey backgrounds, which have nothing in common."""
    rows, columns = np.mgrid[0:180, 0:320]
    greys = [columns / 2 + 40, 200 - rows, 60 + 100 * (columns // 80 % 2), 220 - columns / 2]
    return np.where((picture == 110).all(2, keepdims=True), greys[pattern][..., None], picture).astype(np.uint8)


def shots(count: int, *plates: tuple[int, int, tuple[int, int, int]], frames: int = 30) -> list[Image]:
    return [on(k // frames, scene(320, 180, *plates)) for k in range(count * frames)]


@pytest.mark.parametrize(
    ("count", "confidence", "rows"),
    [(1, 0.99, 1), (2, 0.99, 1), (2, 0.9, 0), (3, 0.99, 0), (4, 0.995, 0)],
)
def test_what_stays_in_place_over_hard_cuts_is_drawn_over_the_picture(count: int, confidence: float, rows: int) -> None:
    class Sure(FakeReader):
        def _one(self, crop: Image) -> Reading:
            return sure_of(super()._one(crop).text, confidence)

    found = rows_of(shots(count, (120, 80, BLUE)), reader=Sure())
    assert len(found) == rows
    if count > 1:
        assert all("static" in row.flags for row in found)


def test_a_plate_that_drives_through_a_cut_is_one() -> None:
    pictures = [on(k // 30, scene(320, 180, (4 + 3 * k, 80, BLUE))) for k in range(88)]
    (row,) = rows_of(pictures)
    assert row.flags == ()


def test_a_plate_at_the_edge_says_so() -> None:
    (row,) = rows_of([scene(320, 180, (300, 40 + k, BLUE)) for k in range(60)])
    assert row.flags == ("edge",)
    assert row.confidence < 0.65


def passing(plate: str, first: float, confidence: float, track_id: int, **more: Any) -> Passage:
    return passage_of(
        plate=plate, first_s=first, last_s=first + 1, confidence=confidence, track_id=track_id, event_id=str(track_id),
        first_box=HERE, last_box=HERE, alternatives=(), **more,
    )  # fmt: skip


def booked(*passages: Passage) -> list[Passage]:
    book = PassageBook(60.0, 0.5)
    for passage in passages:
        book.add(passage)
    return book.finish()


@pytest.mark.parametrize("gap", [0.1, 0.8, 1.4, 2.0])
def test_two_sure_texts_are_two_rows_and_the_doubt_is_told(gap: float) -> None:
    one, two = booked(passing("AB1234", 0, 0.999, 1), passing("AB1294", 1 + gap, 0.998, 2))
    assert (one.plate, two.plate) == ("AB1234", "AB1294")
    assert (one.flags, two.flags) == ((), ("near_repeat",))
    assert two.confidence < 0.998
    assert "AB1234" in dict(two.alternatives)


def test_a_track_misread_in_one_half_is_one_row_that_tells_the_other_text() -> None:
    (row,) = booked(passing("AB1234", 0, 0.999, 1), passing("AB1294", 1.5, 0.7, 2))
    assert (row.plate, row.flags) == ("AB1234", ("near_repeat",))
    assert "AB1294" in dict(row.alternatives)
    assert 0.99 < row.confidence < 0.999
    (hidden,) = booked(passing("AB1234", 0, 0.999, 1), passing("AB12?4", 1.5, 0.95, 2))
    assert (hidden.plate, hidden.flags) == ("AB1234", ())


def test_a_repeat_elsewhere_is_told_and_never_less_than_a_row() -> None:
    far = {"first_box": (200.0, 10.0, 260.0, 30.0)}
    one, two = booked(passing("AB1234", 0, 0.99, 1), replace(passing("AB1294", 1.5, 0.6, 2), **far))  # type: ignore[arg-type]
    assert (one.flags, two.flags) == ((), ("near_repeat",))
    assert two.confidence == 0.5
    later = booked(passing("AB1234", 0, 0.99, 1), passing("AB1294", 20, 0.6, 2))
    assert [row.flags for row in later] == [(), ()]
    unlike = booked(passing("AB1234", 0, 0.99, 1), passing("XY9876", 2, 0.6, 2))
    assert [row.flags for row in unlike] == [(), ()]


def test_a_plate_seen_on_at_the_edge_is_one_row_with_the_whole_text() -> None:
    (row,) = booked(passing("AB1234", 0, 0.9, 1), passing("AB12?", 1.2, 0.99, 2, flags=("edge",)))
    assert (row.plate, row.flags) == ("AB1234", ())
