"""Rows on their way: the outbox on a node's disk, and how it reaches the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from storekit import row

from streamer.cluster.fleet.forward import Forwarder
from streamer.cluster.fleet.outbox import Outbox, left_behind, new_outbox
from streamer.cluster.fleet.reports import Grant
from streamer.cluster.fleet.sink import OutboxSink
from streamer.config.outputs import StoreOutput
from streamer.errors import OutputError
from streamer.sink.events import HealthChanged, PassageFinal, PassagesWaiting, TrackRejected
from streamer.store.database import open_database
from streamer.store.leases import Lease, Leases
from streamer.store.schema import passages
from streamer.types import Rejection

LEASE = Lease("gate", 1, "a", 0)
OUTPUT: dict[str, Any] = {"type": "store"}


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rows_in(where: Path) -> dict[str, str]:
    with open_database(where) as database, database.read() as connection:
        return dict(map(tuple, connection.execute(select(passages.c.event_id, passages.c.status))))


def sink_of(outbox: Outbox, now: Callable[[], int] = lambda: 5, **output: Any) -> OutboxSink:
    settings = StoreOutput.model_validate({"type": "store", "path": "x.db", **output})
    return OutboxSink(outbox, Grant("gate", 1, "a", 0), settings, now)


def test_entries_stay_until_they_are_done(tmp_path: Path) -> None:
    outbox = new_outbox(tmp_path)
    for k in range(3):
        outbox.put("health", LEASE, k, {"up": True, "reason": "é\udcff"})
    first = outbox.next(2)
    assert [(one.number, one.at, one.lease) for one in first] == [(1, 0, LEASE), (2, 1, LEASE)]
    outbox.done(first)
    assert [one.number for one in outbox.next()] == [3]
    count, made = outbox.waiting()
    assert count == 1
    assert abs(made - time.time()) < 60
    outbox.close(remove=True)
    assert list(tmp_path.iterdir()) == []


def test_a_dead_shards_outbox_is_found_and_a_living_ones_is_not(tmp_path: Path) -> None:
    alive, dead = new_outbox(tmp_path), new_outbox(tmp_path)
    dead.put("health", LEASE, 1, {"up": True, "reason": ""})
    dead.close()
    (found,) = left_behind(tmp_path)
    assert found.name == dead.name
    assert len(found.next()) == 1
    found.close()
    alive.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(OutputError, match=r"cannot be made .*give state: FOLDER"):
        new_outbox(tmp_path / "x")


def test_a_row_keeps_the_time_at_which_its_vehicle_left(tmp_path: Path) -> None:
    outbox, clock = new_outbox(tmp_path), iter(range(10, 100, 10))
    sink = sink_of(outbox, lambda: next(clock))
    sink.write(PassagesWaiting("gate", ()))
    sink.write(PassagesWaiting("gate", (row(1),)))
    sink.write(PassagesWaiting("gate", (row(1), row(2))))
    sink.write(PassagesWaiting("gate", (row(1, last_frame=60), row(2))))  # it came back
    sink.write(PassagesWaiting("gate", ()))
    for k in (2, 1, 3):
        sink.write(PassageFinal("gate", row(k)))
    found = [(e.body["record"]["track_id"], e.body["status"], e.at) for e in outbox.next() if e.kind == "row"]
    assert found == [
        (1, "waiting", 20), (2, "waiting", 30), (1, "waiting", 40), (2, "final", 30), (1, "final", 40), (3, "final", 50)
    ]  # fmt: skip
    assert sink.rows == 3
    outbox.close()


def test_what_is_not_to_be_kept_is_not_in_the_outbox(tmp_path: Path) -> None:
    outbox = new_outbox(tmp_path)
    plain, asked = sink_of(outbox), sink_of(outbox, rejections=True)
    rejection = Rejection(
        "gate", 1, "too few reads", "vote.min_reads", 1, 2, "AB123", 0.4, 0, 9, 4, 0.0, 0.4, None, (0.0,) * 4, 0.5, 3, 1
    )
    assert not plain.wants.matches(TrackRejected("gate", rejection))
    asked.write(TrackRejected("gate", rejection))
    asked.write(HealthChanged("gate", False, "silence"))
    assert [e.kind for e in outbox.next()] == ["begin", "begin", "rejection", "health"]
    outbox.close()


def test_a_store_that_is_away_costs_no_row(tmp_path: Path) -> None:
    where, folder = tmp_path / "plates.db", tmp_path / "state"
    outbox, lost = new_outbox(folder), list[str]()
    left = new_outbox(folder)
    OutboxSink(left, Grant("yard", 1, "b", 0), StoreOutput(type="store", path="x"), lambda: 1).passage(
        row(9, camera="yard")
    )
    left.close()
    output = StoreOutput(type="store", path=str(where))
    forwarder = Forwarder(outbox, folder, output, "1.0", held=lambda: {"gate": 1}, lost=lost.append)
    sink = sink_of(outbox)
    for k in range(1, 4):
        sink.passage(row(k))
    wait_for(lambda: "no such store" in forwarder.report.error)
    assert forwarder.report.waiting == 4
    with open_database(where, create=True) as database:
        Leases(database).keep([Lease("gate", 1, "a", 0), Lease("gate", 2, "c", 100)])
    wait_for(lambda: len(rows_in(where)) == 4)
    wait_for(lambda: lost == ["gate"])
    assert set(rows_in(where).values()) == {"final"}
    sink.write(PassagesWaiting("gate", (row(5),)))
    wait_for(lambda: len(rows_in(where)) == 5)
    assert set(rows_in(where).values()) == {"final"}  # of one whose camera is another's by now
    assert forwarder.close()
    assert forwarder.report.error == ""
    outbox.close(remove=True)
    assert list(folder.iterdir()) == []


def test_an_entry_that_the_store_does_not_take_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.cluster.fleet.forward._MOST_WAIT_S", 0.05)
    where, folder = tmp_path / "plates.db", tmp_path / "state"
    open_database(where, create=True).close()
    outbox = new_outbox(folder)
    sink = sink_of(outbox)
    sink.passage(row(1))
    outbox.put("row", LEASE, 1, {"status": "final", "record": {"plate": "X"}})
    sink.passage(row(2))
    forwarder = Forwarder(outbox, folder, StoreOutput(type="store", path=str(where)), "1.0")
    wait_for(lambda: len(rows_in(where)) == 2, 40)
    wait_for(lambda: forwarder.report.dead == 1)
    assert '"plate": "X"' in outbox.graveyard.read_text(encoding="utf-8")
    assert forwarder.close()
    outbox.close(remove=True)
    assert list(folder.iterdir()) == [outbox.graveyard]
