"""Segments put together give the rows of one uninterrupted run: every cell of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from archivekit import GOP, RATE, config_of, engines_of, in_one, in_pieces, pictures, plan, recording
from streamkit import BLUE, drive, scene, write_video

from streamer.cluster.archive.piece import packed, unpacked
from streamer.cluster.archive.plan import Segment
from streamer.cluster.archive.segment import read_segment
from streamer.cluster.archive.stitch import check_overlap, stitch
from streamer.errors import InputError
from streamer.source.key_frames import key_frames_of
from streamer.source.part_of_file import PartOfFile, UnevenError

CONFIG = config_of()
ENGINES = engines_of(CONFIG)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("street") / "street.mp4", 200)


@pytest.fixture(scope="module")
def expected(street: Path) -> list[tuple[str, ...]]:
    return in_one(street, CONFIG, ENGINES)


@pytest.mark.parametrize(("segment_s", "overlap_s", "count"), [(0.4, 0.0, 20), (1.0, 0.8, 7), (2.9, 10.0, 3)])
def test_rows_equal_those_of_one_run(
    street: Path, expected: list[tuple[str, ...]], segment_s: float, overlap_s: float, count: int
) -> None:
    rows, cut, _ = in_pieces(street, CONFIG, ENGINES, segment_s, overlap_s)
    assert len(cut.segments) == count
    assert len(expected) > 18  # some of them over each border
    for border in cut.borders:
        second = border / 12800
        assert sum(float(row[7]) < second < float(row[8]) for row in expected) >= 2
    assert rows == expected


def test_what_no_segment_read_is_read_again(street: Path, expected: list[tuple[str, ...]]) -> None:
    """Tracks over a border are read at other frames than those that begin there; a longer overlap leaves fewer."""
    counts = [in_pieces(street, CONFIG, ENGINES, 2.0, overlap)[2] for overlap in (0.0, 1.2)]
    assert counts[0] > counts[1]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.mp4", {"codec": "mpeg4", "options": {"g": "10", "qscale": "2"}}),
        ("a.mp4", {"options": {"x264-params": "keyint=10:open-gop=1:bframes=3:b-adapt=0"}}),
        ("a.avi", {"codec": "mjpeg", "options": {}}),
        ("a.flv", {}),
    ],
    ids=["mkv", "ts", "mpeg4", "open-gop", "mjpeg-avi", "flv"],
)
def test_containers_and_codecs(tmp_path: Path, name: str, more: dict[str, Any]) -> None:
    if more.get("codec") == "mjpeg":
        video = write_video(tmp_path / name, pictures(90), codec="mjpeg", pix_fmt="yuvj420p", rate=RATE)
    else:
        video = recording(tmp_path / name, 90, **more)
    rows, cut, _ = in_pieces(video, CONFIG, ENGINES, 0.8, 0.4)
    assert len(cut.segments) >= 4
    assert rows == in_one(video, CONFIG, ENGINES)


def test_detectors_that_look_once_zones_and_lines(street: Path) -> None:
    config = config_of(
        zones={"lane": {"polygon": [[0, 0], [1, 0], [1, 0.4], [0, 0.4]]}},
        lines={"middle": {"start": [0.5, 0], "end": [0.5, 1]}},
        track={"birth_hits": 3},
    )
    engines = engines_of(config, twice=False)
    rows, _, _ = in_pieces(street, config, engines, 1.0, 0.4)
    assert rows == in_one(street, config, engines)
    assert any(row[20] for row in rows)  # lines were crossed


def test_hard_cuts_are_found_over_borders(tmp_path: Path) -> None:
    """An overlay that stays over cuts is doubted; the picture before a cut may lie in another segment, and black ones
    between."""
    import numpy as np

    random = np.random.default_rng(1)
    found = []
    for k in range(8):
        back = random.integers(0, 255, (9, 16, 3)).astype(np.uint8).repeat(20, 0).repeat(20, 1)
        grey = back.max(2, keepdims=True).repeat(3, 2)
        for i in range(14):
            picture = grey.copy() if i < 8 or k % 2 else np.zeros_like(grey)
            picture[20:36, 40:88] = scene(320, 180, (40, 20, BLUE))[20:36, 40:88]
            found.append(picture)
    video = write_video(tmp_path / "cuts.mp4", found, codec="libx264", options={"g": "5", "bf": "0"})
    rows, cut, _ = in_pieces(video, CONFIG, ENGINES, 0.4, 0.0)
    assert len(cut.segments) > 5
    assert rows == in_one(video, CONFIG, ENGINES)


def test_files_that_cannot_be_cut_say_why(tmp_path: Path) -> None:
    whole = recording(tmp_path / "a.mp4", 60)
    cut_off = tmp_path / "cut.mkv"
    cut_off.write_bytes(recording(tmp_path / "b.mkv", 60).read_bytes()[:20000])
    assert "truncated" in key_frames_of(str(cut_off)).reason or "damaged" in key_frames_of(str(cut_off)).reason
    jump = [i if i < 30 else i + 10_000_000 for i in range(60)]
    joined = write_video(tmp_path / "joined.ts", drive(60), codec="libx264", ticks=jump, options={"g": "10"})
    assert key_frames_of(str(joined)).reason == "holds several recordings"
    assert plan(joined, 0.4, 0.4).segments == (Segment(None, None, None),)
    assert key_frames_of(str(whole)).reason == ""
    assert plan(whole, 60, 1).segments == (Segment(None, None, None),)
    with pytest.raises(InputError, match="no such file"):
        key_frames_of(str(tmp_path / "none.mp4"))


def test_a_plan_begins_segments_at_key_frames_before_their_borders(street: Path) -> None:
    keys = key_frames_of(str(street))
    ticks = round(GOP / RATE / keys.time_base)
    first, *rest = plan(street, 1.6, 0.5).segments
    assert (first.begin, first.border) == (None, None)
    for one in rest:
        assert one.begin in (None, *keys.stamps)
        assert one.border in keys.stamps
        assert one.border is not None
        assert one.begin is None or one.border - one.begin == 2 * ticks  # 0.8 s: the first key frame 0.5 s before
    assert [one.end for one in (first, *rest)][:-1] == [one.border for one in rest]
    assert keys.seconds == pytest.approx(8.0, abs=0.1)


def test_segments_that_differ_where_they_overlap_are_refused(street: Path, tmp_path: Path) -> None:
    config, engines = CONFIG, ENGINES
    cut = plan(street, 2.0, 0.4)
    other = recording(tmp_path / "other.mp4", 200, noise=7)
    data = [
        read_segment(str(path), config, engines, begin=one.begin, end=one.end, name="a")
        for path, one in zip([street, other, street, street], cut.segments, strict=True)
    ]
    with pytest.raises(UnevenError, match="differs between segments"):
        stitch(str(street), "a", [lambda d=d: d for d in data], cut.borders, cut.keys, [], config, engines)  # type: ignore[misc]
    frames, facts = unpacked(data[0])
    with pytest.raises(UnevenError, match="0 and 0 pictures"):
        check_overlap(frames, [], 10**12, 10**12)
    assert packed(frames, facts) == data[0]
    with pytest.raises(InputError, match="is not the work of this version"):
        unpacked(data[0][:100])


def test_a_part_of_a_file_has_its_own_pictures_only(street: Path) -> None:
    keys = key_frames_of(str(street)).stamps
    part = PartOfFile(street, begin=keys[3], end=keys[5], threads=1)
    part.open()
    assert len(list(part.frames())) == 2 * GOP
    assert part.stamps[0].pts == keys[3]
    part.close()
    wrong = PartOfFile(street, begin=keys[3] + 1, threads=1)
    wrong.open()
    with pytest.raises(UnevenError):
        list(wrong.frames())
    wrong.close()
