"""Passages a page at a time, and one with everything, in both databases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from storekit import WHEN, row

from streamer.errors import ConfigError
from streamer.sink.jsonl import record_of
from streamer.store import paging, schema
from streamer.store.corrections import correct
from streamer.store.database import Database, open_database
from streamer.store.detail import detail, picture_of
from streamer.store.files import Picture
from streamer.store.paging import every, page
from streamer.store.selection import Selection
from streamer.store.times import micros
from streamer.store.write import Writer
from streamer.types import Passage, Posterior, WatchMatch

CAMERAS = ("gate", "yard", "ramp")
SLOTS: Posterior = ((("A", 0.9), ("4", 0.1)), (("B", 0.55), ("8", 0.45)), (("", 1.0),))


def passages(count: int = 54) -> list[Passage]:
    """Several at one time, some without a clock time."""
    draw = random.Random(7)
    made = []
    for number in range(count):
        camera = draw.choice(CAMERAS)
        listed = (WatchMatch("stolen", "watch", "AB1", "exact", why="reads AB1"),) if number % 9 == 0 else ()
        one = row(
            number // 3, f"AB{draw.randrange(12)}", camera=camera, event_id=f"{number:016x}",
            confidence=round(draw.uniform(0.5, 1), 3), zone=draw.choice(["", "drive"]), watch=listed,
            flags=draw.choice([(), ("edge",)]),
            last_box=draw.choice([(10.0, 20.0, 210.0, 70.0), (10.0, 20.0, 100.0, 45.0)]),
        )  # fmt: skip
        made.append(replace(one, first_seen=None, last_seen=None) if number % 17 == 16 else one)
    return made


@pytest.fixture
def database(where: str) -> Iterator[Database]:
    with open_database(where, create=True) as opened:
        if opened.is_sqlite:  # many small writes of the audit log
            opened.engine.dispose()
            event.listen(opened.engine, "connect", lambda made, _: made.execute("PRAGMA synchronous=OFF").close())
        writer = Writer(opened)
        with writer.transaction() as connection:
            for one in passages():
                writer.put(connection, record_of(one), SLOTS, passage=one)
        yield opened


def everything(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        ids = connection.execute(select(schema.passages.c.id)).scalars().all()
        lines = paging.lines_of(connection, ids)
    lines.sort(key=lambda one: (one.at, one.id), reverse=True)
    return [one.record | {"at": one.at, "listed": bool(one.hits), "corrected": one.corrected} for one in lines]


def paged(database: Database, chosen: Selection, limit: int) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    for _ in range(200):
        found = page(database, chosen, cursor=cursor, limit=limit)
        assert len(found.lines) <= limit
        ids += [line.record["event_id"] for line in found.lines]
        cursor = found.next
        if cursor is None:
            return ids
    raise AssertionError("no end")


WANTED: list[tuple[Selection, Any]] = [
    (Selection(), lambda r: True),
    (Selection(camera="yard"), lambda r: r["camera"] == "yard"),
    (Selection(cameras=frozenset(["yard", "ramp"])), lambda r: r["camera"] != "gate"),
    (Selection(camera="gate", cameras=frozenset(["yard"])), lambda r: False),
    (Selection(cameras=frozenset()), lambda r: False),
    (Selection(camera="none"), lambda r: False),
    (Selection(zone="drive", movement="approaching"), lambda r: r["zone"] and r["movement"] == "approaching"),
    (Selection(least=0.6, most=0.8), lambda r: 0.6 <= r["confidence"] <= 0.8),
    (Selection(watchlist="stolen"), lambda r: r["listed"]),
    (Selection(watchlist="*", camera="gate"), lambda r: r["listed"] and r["camera"] == "gate"),
    (Selection(watchlist="other"), lambda r: False),
    (Selection(flagged=True), lambda r: r["flags"]),
    (Selection(text="B1"), lambda r: "B1" in r["plate"]),
    (Selection(text="AB1", how="exact", zone="drive"), lambda r: r["plate"] == "AB1" and r["zone"]),
    (Selection(text="A81?", how="alike", watchlist="*"), lambda r: len(r["plate"]) == 4 and r["listed"]),
    (Selection(text="QQ"), lambda r: False),
    (
        Selection(since=micros(WHEN + timedelta(minutes=4)), until=micros(WHEN + timedelta(minutes=9))),
        lambda r: micros(WHEN + timedelta(minutes=4)) <= r["at"] < micros(WHEN + timedelta(minutes=9)),
    ),
]


@pytest.mark.parametrize("many", [False, True])
def test_pages_are_all_that_is_chosen_once_in_order(
    database: Database, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_FIRST", 3)
    monkeypatch.setattr(paging, "_CHUNK", 2)
    monkeypatch.setattr(paging, "_SPARE", 1)
    if many:  # as where more plates and hits match than are looked up
        monkeypatch.setattr(paging, "_MANY", 1)
        monkeypatch.setattr("streamer.store.selection._FEW_HITS", 1)
    whole = everything(database)
    for chosen, fits in WANTED:
        expected = [r["event_id"] for r in whole if fits(r)]
        assert paged(database, chosen, 7) == expected, chosen
        assert [line.record["event_id"] for line in every(database, chosen)] == expected


def test_a_page_is_short_where_too_many_rows_were_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_FIRST", 2)
    monkeypatch.setattr(paging, "_STEPS", 2)
    found = page(database, Selection(zone="nowhere"))
    assert found.lines == ()
    assert found.looked is not None
    assert paged(database, Selection(zone="nowhere"), 50) == []


def test_a_ranked_search_is_one_page_with_scores(database: Database) -> None:
    found = page(database, Selection(text="AB1", how="edits", camera="gate", watchlist="*"))
    assert found.next is None
    scores = [line.score or 0.0 for line in found.lines]
    assert scores == sorted(scores)
    assert {line.record["camera"] for line in found.lines} == {"gate"}
    assert page(database, Selection(text="AB", how="likely", cameras=frozenset(["none"]))).lines == ()
    with pytest.raises(ConfigError, match="names no character"):
        page(database, Selection(text="*"))


@pytest.mark.parametrize("cursor", ["x", "1-", "1", "-", "f" * 50, "ffffffffffffffffff-1"])
def test_what_is_no_cursor(database: Database, cursor: str) -> None:
    with pytest.raises(ConfigError, match="cursor: expected"):
        page(database, Selection(), cursor=cursor)


def test_searches_and_exports_are_noted_once(database: Database) -> None:
    paged(database, Selection(text="AB1"), 2)
    list(every(database, Selection(text="AB1")))
    page(database, Selection(camera="gate"))
    with database.read() as connection:
        found = connection.execute(select(schema.audit.c.action)).scalars().all()
    assert found == ["find", "export"]


def test_a_passage_with_everything(where: str) -> None:
    listed = (WatchMatch("stolen", "watch", "AB", "likelihood", 12.5, 9.0, name="Kim", why="reads AB"),)
    way = [
        row(1, "AB", event_id="1" * 16, camera="gate"),
        row(2, "AB", event_id="2" * 16, camera="yard", watch=listed, char_confidence=(0.9, 0.55)),
        row(61, "AB", event_id="3" * 16, camera="ramp"),
        row(600, "AB", event_id="4" * 16, camera="gate"),
        row(2, "XX", event_id="5" * 16),
    ]
    with open_database(where, create=True) as database:
        writer = Writer(database)
        for one in way:
            with writer.transaction() as connection:
                stored = writer.put(connection, record_of(one), SLOTS, passage=one)
                assert stored is not None
                if one.camera == "yard":
                    Picture("crop", "crop/22/2.png", "0" * 64, 7).store(connection, stored.passage_id)
        later = replace(way[1], n_reads=20, zone="")
        with writer.transaction() as connection:
            writer.put(connection, record_of(later), SLOTS, passage=later)
        correct(database, "2" * 16, "A8", who="kim")
        correct(database, "2" * 16, "AB", who="kim")
        found = detail(database, "2" * 16)
        assert found is not None
        assert (found.read, found.hashed, found.sighted, len(found.sightings)) == ("AB", False, 4, 4)
        assert [slot.symbols[0][0] for slot in found.slots] == ["A", "B"]
        assert found.slots[1].certainty == pytest.approx(0.55, abs=0.02)
        assert [(stop.line.record["camera"], stop.after_s) for stop in found.way] == [
            ("gate", None), ("yard", 60.0), ("ramp", 3540.0),
        ]  # fmt: skip
        assert [(c.revision, c.plate, {k: v for k, *v in c.changes}) for c in found.history] == [
            (1, "AB", {}), (2, "AB", {"n_reads": [12, 20], "zone": ["drive", ""]}),
            (3, "A8", {"plate": ["AB", "A8"]}), (4, "AB", {"plate": ["A8", "AB"]}),
        ]  # fmt: skip
        assert [(m.watchlist, m.entry, m.details["name"]) for m in found.matches] == [("stolen", "AB", "Kim")]
        assert [c.after for c in found.corrections] == ["A8", "AB"]
        assert found.pictures["crop"].bytes == 7
        assert found.line.pictures == {"crop"}
        assert detail(database, "0" * 16) is None
        assert detail(database, "2" * 16, seen=frozenset(["gate"])) is None
        limited = detail(database, "2" * 16, seen=frozenset(["yard"]))
        assert limited is not None
        assert (limited.sighted, limited.way) == (1, ())
        assert picture_of(database, "2" * 16, "crop") == found.pictures["crop"]
        assert picture_of(database, "2" * 16, "snapshot") is None
        assert picture_of(database, "2" * 16, "crop", seen=frozenset(["gate"])) is None
