"""The packed texts of plates: what is found is what a plain scan finds, and nothing of deleted plates stays."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select
from storekit import row

from streamer.plates.look_alikes import folded
from streamer.plates.texts import distance
from streamer.sink.jsonl import record_of
from streamer.store import plate_blocks, schema, search
from streamer.store.database import Database, open_database
from streamer.store.maintain import drop_unused_plates, vacuum
from streamer.store.plate_blocks import keep_blocks
from streamer.store.plate_search import matching, near
from streamer.store.search import Query, find
from streamer.store.verify import verify
from streamer.store.write import Writer

PATTERNS = [
    "1", "A1", "0A1", "津", "[", "?1*", "??1*", "?1?A*", "*1", "*A1", "*01A", "*?A1", "*1?A", "*A*1", "?*A1?",
    "*1*A*", "?津*", "*津?1", "A*", "津?1*", "?0A1", "*B8", "B8*B",
]  # fmt: skip


def some_plates(count: int) -> list[str]:
    chance = random.Random(5)
    made = {"".join(chance.choice("AB018?津é[") for _ in range(chance.randint(3, 5))) for _ in range(count)}
    return sorted(made | {"A\nB1"})


@pytest.fixture
def database(where: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(plate_blocks, "BLOCK", 16)
    with open_database(where, create=True) as opened:
        writer = Writer(opened)
        with writer.transaction() as connection:
            for k, plate in enumerate(some_plates(120)):
                writer.put(connection, record_of(row(k, plate)))
        yield opened


def texts_in(database: Database) -> dict[int, str]:
    with database.read() as connection:
        return {row.id: row.text for row in connection.execute(select(schema.plates.c.id, schema.plates.c.text))}


def blocks_in(database: Database) -> list[int]:
    with database.read() as connection:
        return sorted(connection.execute(select(schema.plate_blocks.c.block)).scalars())


def expression(pattern: str, *, part: bool) -> re.Pattern[str]:
    body = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(f".*{body}.*" if part else body, re.DOTALL)


@pytest.mark.parametrize("state", ["none stored", "all stored", "some deleted"])
def test_what_is_found_is_what_a_scan_finds(database: Database, state: str) -> None:
    if state != "none stored":
        assert keep_blocks(database) == len(texts_in(database)) // 16
        assert keep_blocks(database) == 0
    if state == "some deleted":
        with database.write() as connection:
            connection.execute(delete(schema.passages).where(schema.passages.c.id.between(20, 70)))
            assert drop_unused_plates(connection) == 51
    plates = texts_in(database)
    with database.read() as connection:
        for pattern in PATTERNS:
            for part in (True, False):
                fits = expression(pattern, part=part).fullmatch
                same = {number for number, plate in plates.items() if fits(plate)}
                assert set(matching(connection, pattern, part=part)) == same, pattern
                fits = expression(folded(pattern), part=part).fullmatch
                same = {number for number, plate in plates.items() if fits(folded(plate))}
                found = matching(connection, pattern, alike=True, part=part)
                assert len(found) == len(set(found))
                assert set(found) == same, pattern
        assert len(matching(connection, "1", 7, part=True)) == 7
        for text, edits in (("A01B", 1), ("津0?1", 1), ("A01B8", 2), ("B?018", 2), ("AB01818", 3)):
            away = {number: distance(text, plate) for number, plate in plates.items()}
            assert near(connection, text, edits) == {n: d for n, d in away.items() if d <= edits}, text
        every = near(connection, "AB1", 2)
        assert every == {n: d for n, plate in plates.items() if (d := distance("AB1", plate)) <= 2}


def test_deleted_plates_are_in_no_block(database: Database) -> None:
    keep_blocks(database)
    before = blocks_in(database)
    with database.write() as connection:
        connection.execute(delete(schema.passages).where(schema.passages.c.id == 20))
        drop_unused_plates(connection)
    assert blocks_in(database) == [block for block in before if block != 1]
    find(database, Query("?1"))
    assert blocks_in(database) == before
    assert [*verify(database, None)] == []


def test_a_block_that_tells_other_plates_is_a_fault_and_made_anew(database: Database) -> None:
    keep_blocks(database)
    with database.write() as connection:
        connection.execute(schema.plate_blocks.update().where(schema.plate_blocks.c.block == 2).values(texts=b"\n\n"))
    assert [fault for fault in verify(database, None) if "block 2 of plates" in fault]
    vacuum(database)
    assert [*verify(database, None)] == []


@pytest.mark.parametrize("many", [1, 5, 1000])
def test_rows_are_the_same_by_plates_and_by_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(search, "_MANY", many)
    writer = Writer(database)
    with writer.transaction() as connection:
        for k, plate in enumerate(some_plates(120)):
            writer.put(
                connection, record_of(row(500 - k, plate, camera="yard")), status="final" if k % 5 else "withdrawn"
            )
            writer.put(connection, record_of(row(1000 + k, plate)), status="final" if k % 3 else "withdrawn")

    with database.read() as connection:
        rows = (
            connection.execute(search.with_names().order_by(schema.passages.c.at.desc(), schema.passages.c.id.desc()))
            .mappings()
            .all()
        )
    fits = [r for r in rows if r["status"] == "final" and re.search(".1", r["plate"], re.DOTALL)]

    def of_part(**rest: Any) -> list[str]:
        return [one.record["event_id"] for one in find(database, Query("*?1*", **rest))]

    assert of_part(limit=500) == [r["event_id"] for r in fits]
    assert of_part(limit=3) == [r["event_id"] for r in fits][:3]
    assert of_part(limit=4, camera="yard") == [r["event_id"] for r in fits if r["camera"] == "yard"][:4]
    middle = fits[len(fits) // 2]["at"]
    assert of_part(limit=9, since=middle) == [r["event_id"] for r in fits if r["at"] >= middle][:9]
    assert of_part(limit=9, until=middle) == [r["event_id"] for r in fits if r["at"] < middle][:9]
