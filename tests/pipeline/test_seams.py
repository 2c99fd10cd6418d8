"""Recordings joined in one file: all rows, and no vehicle joined with another over the seam."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from streamkit import BLUE, GREEN, FakeDetector, FakeReader, passage_of, scene, write_video
from test_run_stream import ListSink

from streamer.config.models import RunConfig
from streamer.passages.book import PassageBook
from streamer.pipeline.runner import run_stream
from streamer.sink.record import RecordSink
from streamer.source.recording import Networks, read_recording
from streamer.types import RunSummary

HOUR = 3600


def piece(path: Path, colour: tuple[int, int, int], first: int, frames: int = 20) -> bytes:
    """A vehicle that stands where every other one stands."""
    pictures = [scene(320, 180, (100 + k, 80, colour)) for k in range(frames)]
    ticks = [first * 25 + k for k in range(frames)]
    write_video(path, pictures, codec="mpeg2video", ticks=ticks, time_base=Fraction(1, 25), options={"qscale": "2"})
    return path.read_bytes()


def rows(path: Path, *sinks: ListSink | RecordSink) -> tuple[ListSink, RunSummary]:
    sink = ListSink()
    summary = run_stream(path, [sink, *sinks], RunConfig(), detector=FakeDetector(), reader=FakeReader())
    return sink, summary


@pytest.mark.parametrize(
    ("name", "second"),
    [("a.ts", HOUR), ("a.ts", 40), ("a.ts", 9 * HOUR), ("a.mpg", HOUR), ("a.mpg", 40)],
    ids=["anew", "hours back", "hours ahead", "program stream, anew", "program stream, hours back"],
)
def test_a_row_for_each_vehicle_and_seconds_that_rise(tmp_path: Path, name: str, second: int) -> None:
    joined = tmp_path / name
    parts = [piece(tmp_path / f"{k}{joined.suffix}", c, t) for k, (c, t) in enumerate(((BLUE, HOUR), (GREEN, second)))]
    joined.write_bytes(b"".join(parts))
    sink, summary = rows(joined)
    assert [(p.plate, p.first_frame, p.last_frame) for p in sink.passages] == [("皖A12345", 0, 19), ("GRN777", 20, 39)]
    assert [(p.first_s, p.last_s) for p in sink.passages] == [
        (pytest.approx(0.0, abs=0.05), pytest.approx(0.76, abs=0.05)),
        (pytest.approx(0.8, abs=0.05), pytest.approx(1.56, abs=0.05)),
    ]
    assert [w for w in summary.warnings if f"{name}: recordings are joined in it (at 0.8" in w]


def test_a_recording_of_what_was_read_keeps_its_seams(tmp_path: Path) -> None:
    joined, kept = tmp_path / "a.ts", tmp_path / "said.jsonl.gz"
    joined.write_bytes(piece(tmp_path / "0.ts", BLUE, HOUR) + piece(tmp_path / "1.ts", GREEN, HOUR))
    rows(joined, RecordSink(kept, Networks(0.5, FakeReader.alphabet.symbols)))
    assert [frame.part for frame in read_recording(kept)[0].recorded] == [0] * 20 + [1] * 20


@pytest.mark.parametrize(("seams", "rows"), [([], 1), ([0.5], 1), ([1.5], 1), ([1.0], 2), ([1.02], 2)])
def test_texts_that_differ_by_a_character_are_not_one_over_a_seam(seams: list[float], rows: int) -> None:
    book = PassageBook(60.0)
    for second in seams:
        book.add_discontinuity(second)
    early = passage_of(first_s=0.0, last_s=0.98, plate="GRN777", confidence=0.6)
    late = passage_of(
        first_s=1.02,
        last_s=2.0,
        plate="GRN778",
        confidence=0.6,
        track_id=2,
        first_box=early.last_box,
        last_box=early.last_box,
    )
    for passage in (early, late):
        book.add(passage)
    assert len(book.finish()) == rows


def test_one_text_is_one_row_over_a_seam_too() -> None:
    book = PassageBook(60.0)
    book.add_discontinuity(1.0)
    early = passage_of(first_s=0.0, last_s=0.98)
    for passage in (early, replace(early, first_s=1.02, last_s=2.0, track_id=2)):
        book.add(passage)
    assert len(book.finish()) == 1
