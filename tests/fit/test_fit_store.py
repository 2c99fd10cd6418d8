"""How fit a camera is by what a store has of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import insert
from storekit import WHEN, row

from streamer.fit.from_store import Part, camera_fit, crop_of, sharpness_of_crop
from streamer.sink.events import HealthChanged, PassageFinal, TrackRejected
from streamer.store import schema
from streamer.store.database import Database, open_database
from streamer.store.sink import StoreSink
from streamer.store.times import micros
from streamer.types import Image, Rejection

NOW = micros(WHEN + timedelta(days=1))


def crop(blur: tuple[int, int] = (1, 1)) -> Image:
    """As kept: the plate, dark strokes on light, within margins, 320x120."""
    picture = np.full((120, 320, 3), 90, np.uint8)
    picture[25:95, 46:274] = 200
    for x in range(56, 260, 20):
        cv2.rectangle(picture, (x, 38), (x + 8, 82), (30, 30, 30), -1)
    return np.asarray(cv2.blur(picture, blur), np.uint8)


def rejection(number: int, reason: str, image: Image | None = None) -> Rejection:
    return Rejection(
        "gate", number, reason, "read.min_height", 6, 8, "", 0.0, 1, 2, 2, 0.1, 0.2,  # type: ignore[arg-type]
        row(number).first_seen, (1.0, 2.0, 30.0, 12.0), 0.6, 3, 1, image,
    )  # fmt: skip


def filled(tmp_path: Path, *, height: float = 30.0, blur: tuple[int, int] = (1, 1), rows: int = 8) -> Database:
    where = str(tmp_path / "plates.db")
    sink = StoreSink(where, rejections=True, crops=True)
    for number in range(rows):
        at = WHEN + timedelta(hours=3 * number)
        box = (10.0, 20.0, 110.0, 20.0 + height)
        passage = row(number, box=box, first_seen=at, last_seen=at, crop=crop(blur), n_reads=4 + number)
        sink.write(PassageFinal("gate", passage))
    for number in range(6):
        reason = "too small to read" if number < 4 else "seen too rarely"
        sink.write(TrackRejected("gate", rejection(number, reason, crop() if number < 3 else None)))
    sink.write(HealthChanged("yard", True, ""))
    sink.close()
    return open_database(where)


def pictures(tmp_path: Path) -> Path:
    return tmp_path / "plates.db.files"


def test_a_good_camera(tmp_path: Path) -> None:
    with filled(tmp_path) as database:
        found = camera_fit(database, "gate", pictures=pictures(tmp_path), at=NOW)
        assert found is not None
        assert found.day == Part(4, 30.0, 0.9123, pytest.approx(5.5))
        assert found.night.rows == 4
        assert [count for count, _ in found.hours] == [1 if hour % 3 == 2 else 0 for hour in range(24)]
        assert found.hours[8][1] == pytest.approx(0.9123)
        assert [(r.reason, r.setting, r.count, len(r.samples)) for r in found.rejected] == [
            ("too small to read", "read.min_height", 4, 3),
            ("seen too rarely", "read.min_height", 2, 0),
        ]
        assert len(found.edges) == 8
        assert {f.what: f.level for f in found.fit.findings} == {
            "plate height": "ok", "sharpness": "ok", "exposure of plates": "ok", "rows": "ok",
            "tracks without a row": "weak",
        }  # fmt: skip
        assert "make plates larger" in found.fit.change
        assert found.brings == 4
        camera, png = crop_of(database, found.rejected[0].samples[0]) or ("", b"")
        assert camera == "gate"
        assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape == (120, 320, 3)
        assert crop_of(database, 999) is None
        assert camera_fit(database, "none") is None
        empty = camera_fit(database, "yard")
        assert empty is not None
        assert empty.is_empty


def test_small_and_smeared_plates(tmp_path: Path) -> None:
    with filled(tmp_path, height=12.0, blur=(25, 1)) as database:
        found = camera_fit(database, "gate", pictures=pictures(tmp_path), at=NOW)
        assert found is not None
        levels = {f.what: f.level for f in found.fit.findings}
        assert (levels["plate height"], levels["sharpness"]) == ("weak", "bad")
        assert "shutter" in found.fit.change
        without = camera_fit(database, "gate", at=NOW)
        assert without is not None
        assert without.edges == ()
        assert "1.7 times as large" in without.fit.change
        assert without.brings == 4
        late = camera_fit(database, "gate", days=1, at=NOW + 30 * 86_400_000_000)
        assert late is not None
        assert late.is_empty


def test_sharpness_of_a_kept_crop_is_of_the_plate_within() -> None:
    sharp, smeared = sharpness_of_crop(crop()), sharpness_of_crop(crop((9, 1)))
    assert sharp is not None
    assert smeared is not None
    assert smeared.along == pytest.approx(9 / 70, abs=0.04)
    assert sharp.along < 0.05


def test_time_that_a_camera_was_lost(where_sqlite: Database) -> None:
    hour = 3_600_000_000
    states = [(-40, True), (-20, False), (-18, True), (-2, False), (-1, True)]
    with where_sqlite.write() as connection:
        connection.execute(insert(schema.cameras).values(id=1, name="gate", added_at=0))
        for at, up in states:
            connection.execute(insert(schema.health).values(camera_id=1, at=NOW + at * hour, up=up, reason=""))
    for days, share, outages in ((7, 3 / 40, 2), (1, 3 / 24, 2), (1 / 12, 1 / 2, 1)):
        found = camera_fit(where_sqlite, "gate", days=days, at=NOW)
        assert found is not None
        assert (found.down, found.outages) == (pytest.approx(share), outages)
    assert "lost" in found.fit.findings[-1].found


@pytest.fixture
def where_sqlite(tmp_path: Path) -> Database:
    return open_database(str(tmp_path / "health.db"), create=True)


def test_rows_that_were_replaced_keep_their_place(tmp_path: Path) -> None:
    """A row without a box (imported from an old CSV) is not measured."""
    where = str(tmp_path / "plates.db")
    sink = StoreSink(where)
    sink.write(PassageFinal("gate", replace(row(1), box=(0.0, 0.0, 0.0, 0.0))))
    sink.close()
    with open_database(where) as database:
        found = camera_fit(database, "gate", at=NOW)
        assert found is not None
        assert found.is_empty
