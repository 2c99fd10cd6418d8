"""Files of pictures: names from templates, limits, and whose files are never deleted."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from streamkit import passage_of

from streamer.config.models import PicturesConfig
from streamer.errors import ConfigError
from streamer.sink.crops import CropSink
from streamer.sink.guard import protected
from streamer.sink.keeper import Keeper
from streamer.sink.platerecognizer import PlateRecognizerSink
from streamer.sink.snapshots import SnapshotSink
from streamer.types import Kind, Passage

NOON = datetime(2026, 1, 31, 12, 30, 5)


def passage(number: int, **changes: object) -> Passage:
    crop = np.full((12, 32, 3), number, np.uint8)
    base = {"event_id": f"{number:016x}", "crop": crop, "snapshot": b"jpeg%d" % number}
    return passage_of(**{**base, **changes})


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("", "0000000000000001.jpg"),
        ("{camera}/{date}", "Gate_1-c62451f2/2026-01-31/0000000000000001.jpg"),
        ("{hour}/{plate}-{event_id}.jpg", "12/皖A12345-0000000000000001.jpg"),
        ("{plate}_{time}.jpg", "皖A12345_123005.jpg"),
    ],
)
def test_names(tmp_path: Path, template: str, name: str) -> None:
    sink = SnapshotSink(tmp_path / template, clock=lambda: NOON)
    one = passage(1, camera="../Gate 1")
    sink.passage(one)
    assert names(tmp_path) == [name]
    sink.close()
    assert sink.path_of(one) == str(tmp_path / name)
    assert sink.path_of(passage(2)) == ""


def test_a_name_that_is_there_already_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "皖A12345.jpg").write_bytes(b"theirs")
    for _ in range(2):
        sink = SnapshotSink(tmp_path / "{plate}.jpg")
        sink.passage(passage(1))
    assert names(tmp_path) == ["皖A12345-2.jpg", "皖A12345-3.jpg", "皖A12345.jpg"]
    assert (tmp_path / "皖A12345.jpg").read_bytes() == b"theirs"


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    source = tmp_path / f"{1:016x}.jpg"
    source.write_bytes(b"source")
    with protected([source]), pytest.raises(ConfigError, match="is the source as well"):
        SnapshotSink(tmp_path).passage(passage(1))
    assert source.read_bytes() == b"source"


@pytest.mark.parametrize("name", ["{nonsense}.png", "{plate", "{plate}.gif"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        CropSink(tmp_path / name)


@pytest.mark.parametrize(
    ("limit", "kept"), [({"max_files": 3}, 3), ({"max_mb": 0.00003}, 5), ({"max_files": 4, "max_mb": 1}, 4)]
)
def test_the_oldest_go_over_restarts_and_nothing_of_others(tmp_path: Path, limit: dict[str, float], kept: int) -> None:
    (tmp_path / "0000000000000099.jpg").write_bytes(b"theirs, and it looks like ours")
    for start in (10, 13, 16):
        sink = SnapshotSink(tmp_path / "{camera}", PicturesConfig.model_validate(limit))
        for number in range(start, start + 3):
            sink.passage(passage(number, snapshot=b"123456", camera=str(number)))
    left = [f"{n}/{n:016x}.jpg" for n in range(19 - kept, 19)]
    assert names(tmp_path) == ["0000000000000099.jpg", *left]
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == [str(n) for n in range(19 - kept, 19)]


def test_what_somebody_changed_is_theirs(tmp_path: Path) -> None:
    sink = SnapshotSink(tmp_path, PicturesConfig(max_files=1))
    sink.passage(passage(1))
    (tmp_path / f"{1:016x}.jpg").write_bytes(b"now another picture")
    sink.passage(passage(2))
    assert names(tmp_path) == [f"{1:016x}.jpg", f"{2:016x}.jpg"]


def test_old_ones_go_as_time_goes_on(tmp_path: Path) -> None:
    now = 1e9
    keeper = Keeper(tmp_path, ".notes", PicturesConfig(max_age_days=2), clock=lambda: now)
    for number in range(3):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(b"x")
        os.utime(file, (1e9 + 86400 * number,) * 2)
        keeper.add(file)
    now = 1e9 + 2.5 * 86400
    keeper.prune()
    assert names(tmp_path) == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    "notes", ['["../x.jpg", 1, 1]\n', '["/etc/hostname", 1, 1]\n', "{}\n[1]\ncut", '["x.jpg", "a", 2]\n']
)
def test_notes_that_lead_elsewhere_or_are_damaged_delete_nothing(tmp_path: Path, notes: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    outside = tmp_path / "x.jpg"
    outside.write_bytes(b"1")
    os.utime(outside, ns=(1, 1))
    (folder / ".alpr-written-jpg").write_text(notes)
    sink = SnapshotSink(folder, PicturesConfig(max_files=1, max_age_days=1))
    sink.passage(passage(1))
    assert outside.exists()
    assert names(folder) == [f"{1:016x}.jpg"]


def test_plate_recognizers_rows_name_the_picture_and_all_candidates(tmp_path: Path) -> None:
    crops = CropSink(tmp_path / "crops")
    sink = PlateRecognizerSink(tmp_path / "p.csv")
    sink.pictures = (crops,)
    one = passage(1, source="/videos/a.mp4", alternatives=(("皖A12346", 0.01234),), kind=Kind("blue", 1, "china"))
    two = passage(2, source="rtsp://***@gate/1", crop=None)
    for each in (one, two):
        crops.passage(each)
    crops.passage(one)
    first = dict(zip(sink.columns, sink.row_of(one), strict=True))
    second = dict(zip(sink.columns, sink.row_of(two), strict=True))
    sink.close()
    assert first["file"] == str(tmp_path / "crops" / f"{1:016x}.png")
    assert first["candidates"] == "[{'score': 0.988, 'plate': '皖a12345'}, {'score': 0.012, 'plate': '皖a12346'}]"
    assert first["region"] == "{'code': 'cn', 'score': 0.6}"
    assert (first["source_url"], first["color"]) == ("/videos/a.mp4", "")  # theirs is the vehicle's colour
    assert second["file"] == "rtsp://***@gate/1"
    assert second["region"] == ""
