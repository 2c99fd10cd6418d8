"""Readings put right by hand, in both databases, and as labels for training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select
from storekit import row

from streamer.config.keep import HashConfig, KeepConfig
from streamer.errors import ConfigError, InputError
from streamer.sink.events import PassageFinal, TrackRejected
from streamer.store import schema
from streamer.store.corrections import Correction, correct, corrections_of
from streamer.store.database import Database, open_database
from streamer.store.kept import final_passages, newest_passages
from streamer.store.labels import Exported, export_labels
from streamer.store.purge import purge
from streamer.store.rejected import MOST
from streamer.store.search import Query, find
from streamer.store.sink import StoreSink
from streamer.types import Image, Posterior, Rejection
from streamer.watch.lists import read_plate
from streamer.watch.traffic import Traffic
from streamer.watch.trial import Trials
from train.data.label_sheet import read_sheet
from train.data.manifest import read_manifest
from train.data.open import open_dataset

CROP: Image = np.full((32, 96, 3), 200, np.uint8)


def filled(where: str, files: Path | None = None, count: int = 2) -> Database:
    sink = StoreSink(where, crops=files is not None, folder=None if files is None else str(files))
    for number in range(1, count + 1):
        sink.write(PassageFinal("gate", row(number, f"AB12{number}", crop=CROP)))
    sink.close()
    return open_database(where)


def texts(database: Database, text: str) -> list[str]:
    return [found.record["event_id"] for found in find(database, Query(text, "exact"))]


def test_a_correction_is_found_and_what_was_read_is_history(where: str) -> None:
    with filled(where) as database:
        made = correct(database, f"{1:016x}", "a8 12-1", who="kim")
        assert made == Correction(f"{1:016x}", made.at, "kim", "AB121", "A8121")
        assert texts(database, "A8121") == [f"{1:016x}"]
        assert texts(database, "AB121") == []
        found = find(database, Query("A8121", "exact"))[0].record
        assert (found["revision"], found["char_confidence"], found["confidence"]) == (2, [], 0.9123)
        with database.read() as connection:
            history = [r.row for r in connection.execute(select(schema.revisions))]
            log = connection.execute(select(schema.audit).where(schema.audit.c.action == "correct")).one()
            assert corrections_of(connection, [1]) == {1: [made]}
        assert len(history) == 1
        assert '"plate":"AB121"' in history[0]
        assert log.who == "kim"
        assert "A8121" not in log.details


def test_a_confirmation_changes_nothing_but_is_kept(where: str) -> None:
    with filled(where) as database:
        correct(database, f"{1:016x}", "AB121")
        assert find(database, Query("AB121", "exact"))[0].record["revision"] == 1
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(schema.corrections)).scalar() == 1


def test_what_is_read_later_does_not_undo_it(where: str) -> None:
    filled(where).close()
    with open_database(where) as database:
        correct(database, f"{1:016x}", "XY999")
    sink = StoreSink(where)
    sink.write(PassageFinal("gate", row(1, "AB121", n_reads=40)))
    sink.close()
    with open_database(where) as database:
        found = find(database, Query("XY999", "exact"))
        assert [(one.record["n_reads"], one.record["revision"]) for one in found] == [(40, 3)]


@pytest.mark.parametrize(
    ("event_id", "text", "told"),
    [
        ("0" * 16, "AB1", "no such passage"),
        (f"{1:016x}", " - ", "names no character"),
        (f"{1:016x}", "??", "names no character"),
        (f"{1:016x}", "AB=1", "no plate has ="),
        (f"{1:016x}", "A" * 17, "17 characters"),
    ],
)
def test_what_is_no_correction(tmp_path: Path, event_id: str, text: str, told: str) -> None:
    with filled(str(tmp_path / "plates.db")) as database, pytest.raises(ConfigError, match=told):
        correct(database, event_id, text)


def test_a_hashed_plate_is_not_corrected_and_a_corrected_one_hashed_whole(where: str, tmp_path: Path) -> None:
    keys = HashConfig(plates="others", keys=str(tmp_path / "keys.json"))
    with filled(where, count=1) as database:
        correct(database, f"{1:016x}", "XY999")
    sink = StoreSink(where, hashing=keys)
    sink.write(PassageFinal("gate", row(1, "AB121", n_reads=40)))
    sink.close()
    with open_database(where) as database:
        with database.read() as connection:
            assert connection.execute(select(schema.corrections)).all() == []
            assert all(text.startswith("#") for text in connection.execute(select(schema.plates.c.text)).scalars())
        with pytest.raises(ConfigError, match="kept as a hash"):
            correct(database, f"{1:016x}", "XY999")


def test_a_corrected_passage_speaks_for_its_new_text_alone(where: str) -> None:
    """What the vote knows is of the text that was read, which may be shorter."""
    slots: Posterior = ((("A", 1.0),), (("B", 0.9), ("8", 0.1)), (("", 1.0),))
    sink = StoreSink(where)
    for number in (1, 2):
        sink.write(PassageFinal("gate", row(number, "AB", posterior=slots)))
    sink.close()
    with open_database(where) as database:
        correct(database, f"{1:016x}", "ABC123")
        assert [one.score for one in find(database, Query("ABC123", "likely"))] == [0.0]
        newest = {one.plate: one for one in newest_passages(database, 10)}
        assert newest["ABC123"].posterior is None
        assert newest["AB"].posterior is not None
        assert newest_passages(database, 10, frozenset(["yard"])) == []
        found = [one for one in Trials(read_plate("ABC123"), Traffic()).of(list(newest.values())) if one.found]
        assert [one.passage.plate for one in found] == ["ABC123"]
    assert [one.posterior is None for one in final_passages(where)] == [True, False]


def test_erasing_a_plate_takes_passages_that_were_read_so(where: str) -> None:
    with filled(where) as database:
        correct(database, f"{1:016x}", "XY999")
        assert purge(database, KeepConfig(), None, erase=["AB121"])["deleted"]["passages"] == 1
        with database.read() as connection:
            assert connection.execute(select(schema.corrections)).all() == []


def test_labels_are_a_folder_that_training_reads(where: str, tmp_path: Path) -> None:
    pictures, folder = tmp_path / "pictures", tmp_path / "labels"
    with filled(where, pictures, count=3) as database:
        with pytest.raises(InputError, match="nothing was corrected"):
            export_labels(database, folder, pictures)
        correct(database, f"{1:016x}", "京A8121")
        correct(database, f"{1:016x}", "京A8122")
        correct(database, f"{2:016x}", "AB122")
        correct(database, f"{3:016x}", "AB12?")
        (pictures / "crop" / "00" / f"{3:016x}.png").unlink()
        with pytest.raises(InputError, match="no crop of the 3 corrected passages"):
            export_labels(database, folder, None)
        assert export_labels(database, folder, pictures) == Exported(2, 1)
        assert export_labels(database, folder, pictures) == Exported(2, 1)  # again, in place of the first
    samples = read_manifest(folder)
    assert {(s.plates[0].text, s.size, s.path.is_file()) for s in samples} == {
        ("京A8122", (96, 32), True),
        ("AB122", (96, 32), True),
    }
    parts = [open_dataset(str(folder), split) for split in ("train", "validation", "dev")]
    assert sum(map(len, parts)) == 2
    sheet = read_sheet(folder / "labels.csv")
    assert [(r["plate_text"], r["read"]) for r in sheet.labels()] == [("京A8122", "AB121"), ("AB122", "AB122")]


def rejection(number: int) -> Rejection:
    return Rejection(
        "gate", number, "read too rarely", "vote.min_reads", 1, 2, "AB1", 0.4, 1, 2, 2, 0.1, 0.2,
        row(number).first_seen, (1.0, 2.0, 30.0, 12.0), 0.6, 3, 1, CROP,
    )  # fmt: skip


def crops(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(select(schema.rejection_crops.c.rejection_id)).scalars())


def test_the_newest_crops_of_rejected_tracks_are_kept(where: str, tmp_path: Path) -> None:
    sink = StoreSink(where, rejections=True, crops=True, folder=str(tmp_path))
    for number in range(1, MOST + 3):
        sink.write(TrackRejected("gate", rejection(number)))
    sink.write(TrackRejected("gate", replace(rejection(99), crop=None)))
    sink.close()
    with open_database(where) as database:
        assert crops(database) == list(range(3, MOST + 3))
        purge(database, KeepConfig(pictures_days=1), tmp_path)
        assert crops(database) == []


def test_without_crops_none_of_rejected_tracks_are_kept(tmp_path: Path) -> None:
    for name, settings in (
        ("a", {}),
        ("b", {"crops": True, "hashing": HashConfig(plates="all", keys=str(tmp_path / "keys"))}),
    ):
        sink = StoreSink(str(tmp_path / name), rejections=True, **settings)  # type: ignore[arg-type]
        sink.write(TrackRejected("gate", rejection(1)))
        sink.close()
        with open_database(str(tmp_path / name)) as database:
            assert crops(database) == []
