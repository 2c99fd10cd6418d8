"""Events of a run as rows of the store, in both databases."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, event, func, select
from storekit import WHEN, row

from streamer.errors import ConfigError, OutputError
from streamer.sink.events import HealthChanged, PassageFinal, PassageProvisional, TrackRejected
from streamer.sink.jsonl import record_of
from streamer.store import schema
from streamer.store.database import Database, open_database
from streamer.store.posteriors import FLOOR, log_ratio, pack, unpack
from streamer.store.rows import record_of_row
from streamer.store.sink import StoreSink
from streamer.store.write import Stored, Writer, with_names
from streamer.types import Passage, Rejection, WatchMatch

POSTERIOR = ((("A", 0.99), ("4", 0.01)), (("B", 0.55), ("8", 0.45)), (("津", 0.95), ("?", 0.05)), (("", 1.0),))


def rows_of(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(r) for r in connection.execute(with_names().order_by(schema.passages.c.id)).mappings()]


def pragma(database: Database, setting: str) -> None:
    """For every connection from now on."""
    database.engine.dispose()
    event.listen(database.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {setting}").close())


def as_json(passage: Passage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(record_of(passage)))
    return found


def test_a_row_comes_back_as_it_went_in(where: str) -> None:
    local = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    given = [
        row(1),
        row(2, "津A1234?", first_seen=local, last_seen=local, crossed=(), flags=(), zone=""),
        row(3, first_seen=None, last_seen=None, time_source="unknown", alternatives=(), parts=("f" * 16,)),
    ]
    sink = StoreSink(where)
    for passage in given:
        sink.write(PassageFinal("gate", passage))
    assert sink.result().startswith("3 rows in ")
    assert "hunter22" not in sink.result()
    sink.close()
    sink.close()
    with open_database(where) as database:
        found = [record_of_row(r) for r in rows_of(database)]
        assert found == [{**as_json(p), "revision": 1} for p in given]
        with database.read() as connection:
            run = connection.execute(select(schema.runs)).one()
            assert run.ended_at >= run.started_at


def test_rows_of_one_event_are_revisions(where: str) -> None:
    sink = StoreSink(where, provisional=True)
    first = row(1, "AB12?", confidence=0.6)
    sink.write(PassageProvisional("gate", first))
    sink.write(PassageProvisional("gate", first))  # given again, as after a lost answer
    sink.write(PassageProvisional("gate", replace(first, plate="AB123"), 2))
    sink.write(PassageFinal("gate", row(1)))
    sink.write(PassageFinal("gate", row(1)))
    sink.write(PassageProvisional("gate", first))  # the recording is read again: what is final stays
    sink.write(PassageFinal("gate", row(1, n_reads=13)))
    [found] = rows_of(sink.database)
    assert (found["revision"], found["status"], found["n_reads"]) == (4, "final", 13)
    with sink.database.read() as connection:
        earlier = connection.execute(select(schema.revisions.c.revision, schema.revisions.c.row).order_by("revision"))
        texts = [(n, json.loads(text)["plate"], json.loads(text)["status"]) for n, text in earlier]
    assert texts == [(1, "AB12?", "provisional"), (2, "AB123", "provisional"), (3, "AB123", "final")]
    sink.close()


def test_a_row_that_another_was_joined_to_leaves_one(where: str) -> None:
    sink = StoreSink(where, provisional=True)
    sink.write(PassageProvisional("gate", row(1)))
    sink.write(PassageProvisional("gate", row(2)))
    sink.write(PassageFinal("gate", row(1, parts=(row(2).event_id,))))
    assert [(r["event_id"][-1], r["status"]) for r in rows_of(sink.database)] == [("1", "final"), ("2", "merged")]
    sink.close()


def test_rows_that_waited_when_a_run_was_killed_become_final(where: str) -> None:
    heard: list[tuple[str, str, Sequence[Any]]] = []

    def hook(_: Connection, stored: Stored) -> None:
        heard.append((stored.event_id[-1], stored.status, stored.posterior or ()))

    killed = StoreSink(where)
    killed.waiting("gate", [row(1, posterior=POSTERIOR), row(2)])
    killed.waiting("gate", [row(2, n_reads=30)])
    killed.waiting("yard", [row(3, camera="yard")])
    killed.database.close()  # and nothing more, as SIGKILL would
    sink = StoreSink(where, hooks=[hook])
    sink.waiting("gate", [])
    assert [(n, s) for n, s, _ in heard] == [("1", "final"), ("2", "final")]
    assert [round(p, 1) for _, p in heard[0][2][1]] == [0.5, 0.4]
    assert [(r["status"], r["revision"], r["n_reads"]) for r in rows_of(sink.database)] == [
        ("final", 1, 12), ("final", 1, 30), ("waiting", 0, 12),
    ]  # fmt: skip
    sink.waiting("gate", [row(4)])
    sink.write(PassageFinal("gate", row(4)))
    assert rows_of(sink.database)[-1]["revision"] == 1
    sink.close()


def test_hooks_write_in_the_transaction_of_the_row_or_not_at_all(where: str) -> None:
    fails = True

    def hook(connection: Connection, stored: Stored) -> None:
        values = {
            "target": "gate", "camera": "gate", "event_id": stored.event_id, "revision": stored.revision,
            "payload": "{}", "created_at": 0, "next_try_at": 0,
        }  # fmt: skip
        connection.execute(schema.outbox.insert(), values)
        if fails:
            raise OSError("the hook's disk")

    with open_database(where, create=True) as database:
        writer = Writer(database, hooks=[hook])
        with pytest.raises(OSError, match="the hook's disk"), writer.transaction() as connection:
            writer.put(connection, record_of(row(1)))
        assert rows_of(database) == []
        fails = False
        with writer.transaction() as connection:
            writer.put(connection, record_of(row(1)))
        with writer.transaction() as connection:
            assert writer.put(connection, record_of(row(1))) is None
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(schema.outbox)).scalar() == 1
        assert len(rows_of(database)) == 1


def test_what_lists_of_plates_say_of_a_row(where: str) -> None:
    sink = StoreSink(where)
    stolen = WatchMatch("stolen", "watch", "AB128", "likelihood", 3.5, 2.0, name="the van", why="8 for 3")
    sink.write(PassageFinal("gate", row(1, watch=(stolen, WatchMatch("staff", "allow", "", "exact")))))
    with sink.database.read() as connection:
        found = connection.execute(select(schema.hits).order_by(schema.hits.c.id)).mappings().all()
    assert [(h["watchlist"], h["entry"], h["how"], h["score"]) for h in found] == [
        ("stolen", "AB128", "likelihood", 3.5), ("staff", "", "exact", 0.0),
    ]  # fmt: skip
    assert json.loads(found[0]["details"])["name"] == "the van"
    sink.write(PassageFinal("gate", row(1, n_reads=20, watch=(stolen,))))
    with sink.database.read() as connection:
        assert connection.execute(select(schema.hits.c.watchlist, schema.hits.c.revision)).all() == [("stolen", 2)]
    sink.close()


def test_health_and_rejections(where: str) -> None:
    rejection = Rejection(
        "gate", 7, "nothing legible", None, 0.0, 1.0, "", 0.0, 1, 2, 1, 0.1, 0.2, WHEN, (0, 0, 1, 1), 0.4, 3, 0
    )
    sink = StoreSink(where, rejections=True)
    assert TrackRejected in sink.wants.events
    assert PassageProvisional not in sink.wants.events
    sink.write(TrackRejected("gate", rejection))
    for up, reason in ((False, "refused"), (False, "refused"), (True, ""), (False, "silent")):
        sink.write(HealthChanged("gate", up, reason))
    with sink.database.read() as connection:
        found = connection.execute(select(schema.health.c.up, schema.health.c.reason).order_by(schema.health.c.id))
        assert [tuple(r) for r in found] == [(False, "refused"), (True, ""), (False, "silent")]
        kept = connection.execute(select(schema.rejections)).mappings().one()
    assert kept["reason"] == "nothing legible"
    assert json.loads(kept["details"])["track_id"] == 7
    sink.close()


def test_pictures_are_files_with_their_hash(tmp_path: Path) -> None:
    import hashlib

    sink = StoreSink(str(tmp_path / "p.db"), crops=True, snapshots=True)
    given = row(1, crop=np.zeros((4, 8, 3), np.uint8), snapshot=b"jpeg")
    sink.write(PassageFinal("gate", given))
    sink.write(PassageFinal("gate", given))
    with sink.database.read() as connection:
        found = connection.execute(select(schema.files).order_by(schema.files.c.kind)).mappings().all()
    assert [f["path"] for f in found] == [f"crop/00/{given.event_id}.png", f"snapshot/00/{given.event_id}.jpg"]
    for one in found:
        data = (tmp_path / "p.db.files" / one["path"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (one["sha256"], one["bytes"])
    sink.close()


def test_pictures_of_a_server_need_a_folder(postgres: str) -> None:
    with pytest.raises(ConfigError, match="say where with files: FOLDER"):
        StoreSink(postgres + "postgres", crops=True)


def test_a_write_that_is_refused_says_why_and_works_later(tmp_path: Path) -> None:
    import sqlite3

    sink = StoreSink(str(tmp_path / "p.db"))
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    pragma(sink.database, "busy_timeout=10")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutputError, match=r"p.db: .*locked.*another process"):
        sink.write(PassageFinal("gate", row(1)))
    other.execute("ROLLBACK")
    sink.write(PassageFinal("gate", row(1)))
    assert len(rows_of(sink.database)) == 1
    sink.close()


def test_distributions_are_packed_in_few_bytes() -> None:
    packed = pack(POSTERIOR)
    back = unpack(packed)
    assert [[s for s, _ in slot] for slot in back] == [["A", "4"], ["B", "8"], ["津", "?"], [""]]
    assert np.allclose([p for slot in back for _, p in slot], [p for s in POSTERIOR for _, p in s], rtol=0.026)
    assert len(packed) == 1 + 5 + 5 + 7 + 3
    for broken in (b"", b"\x02", packed[:-1]):
        with pytest.raises(ValueError, match="distributions"):
            unpack(broken)


def test_likelihood_tells_a_nearly_read_8_from_a_clear_b() -> None:
    assert log_ratio(POSTERIOR, "AB津") == 0
    assert log_ratio(POSTERIOR, "A8津") == pytest.approx(math.log(0.45 / 0.55))
    assert log_ratio(((("B", 0.999),), (("", 1.0),)), "8") == pytest.approx(FLOOR, abs=0.01)
    assert log_ratio(POSTERIOR, "A?津") == 0
    assert log_ratio(POSTERIOR, "AB") < FLOOR + 0.1  # the third slot is no end
    assert log_ratio(POSTERIOR, "AB津7") < FLOOR + 0.1


def write_many(sink: StoreSink) -> None:
    for number in range(1000):
        sink.write(PassageFinal("gate", row(number, f"P{number}")))


def test_errors_of_a_full_disk_are_output_errors(tmp_path: Path) -> None:
    sink = StoreSink(str(tmp_path / "p.db"))
    with sink.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    pragma(sink.database, f"max_page_count={pages}")
    with pytest.raises(OutputError, match=r"full.*free some space"):
        write_many(sink)
    kept = [r["event_id"] for r in rows_of(sink.database)]
    pragma(sink.database, "max_page_count=1000000")
    write_many(sink)
    assert [r["event_id"] for r in rows_of(sink.database)][: len(kept)] == kept
    assert len(rows_of(sink.database)) == 1000
    sink.close()
