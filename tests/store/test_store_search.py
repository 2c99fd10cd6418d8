"""Searching the store, in both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from storekit import WHEN, row

from streamer.errors import ConfigError
from streamer.sink.jsonl import record_of
from streamer.store import schema, search
from streamer.store.database import Database, open_database
from streamer.store.search import Query, find
from streamer.store.times import micros
from streamer.store.write import Writer
from streamer.types import Kind, Posterior

CLEAR = 0.999


def posterior(text: str, doubts: dict[int, tuple[str, float]] | None = None) -> Posterior:
    """Of a text that was read clearly but for some places, each with its other symbol and probability."""
    slots = []
    for k, symbol in enumerate((*text, "")):
        other, p = (doubts or {}).get(k, ("X", 1 - CLEAR))
        slots.append(((symbol, 1 - p), (other, p)))
    return tuple(slots)


PLATES = ["B83A7", "B03A7", "AB123", "A8123", "津A12345", "津B12345", "XYZ999", "B?3A7", "100%", "AB[C"]


@pytest.fixture
def database(where: str) -> Iterator[Database]:
    with open_database(where, create=True) as opened:
        add(opened, [row(k, plate) for k, plate in enumerate(PLATES)])
        yield opened


def add(database: Database, given: list[Any], posteriors: list[Posterior] | None = None, status: str = "final") -> None:
    writer = Writer(database)
    with writer.transaction() as connection:
        for k, passage in enumerate(given):
            slots = None if posteriors is None else posteriors[k]
            writer.put(connection, record_of(passage), slots, status=status)


def texts(database: Database, text: str, **rest: Any) -> list[str]:
    return [one.record["plate"] for one in find(database, Query(text, **rest))]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("B?3*7", ["B?3A7", "B03A7", "B83A7"]),
        ("b?3-a7", ["B?3A7", "B03A7", "B83A7"]),
        ("123", ["津B12345", "津A12345", "A8123", "AB123"]),
        ("津*", ["津B12345", "津A12345"]),
        ("*9", ["XYZ999"]),
        ("AB123", ["AB123"]),
        ("0%", ["100%"]),
        ("1*%", ["100%"]),
        ("AB[?", ["AB[C"]),
        ("[", ["AB[C"]),
        ("QQQ", []),
    ],
)
def test_patterns_and_parts(database: Database, pattern: str, found: list[str]) -> None:
    assert texts(database, pattern) == found


def test_whole_plates_look_alikes_and_edits(database: Database) -> None:
    assert texts(database, "123", how="exact") == []
    assert texts(database, "AB?23", how="exact") == ["AB123"]
    assert texts(database, "ABI23", how="alike") == ["A8123", "AB123"]
    assert texts(database, "BO3", how="alike") == ["B03A7"]
    assert texts(database, "B83A", how="edits") == ["B?3A7", "B83A7"]
    assert texts(database, "B93A7", how="edits") == ["B?3A7", "B03A7", "B83A7"]  # ? is any character
    assert texts(database, "B94A7", how="edits", edits=2) == ["B?3A7", "B03A7", "B83A7"]
    assert texts(database, "津?12345", how="edits") == ["津B12345", "津A12345"]
    assert [f.score for f in find(database, Query("A8123", "edits"))] == [0, 1]


def test_an_8_finds_a_b_that_was_nearly_an_8_and_no_clear_b(where: str) -> None:
    with open_database(where, create=True) as database:
        given = [row(1, "KB77"), row(2, "KB77"), row(3, "K877"), row(4, "KB7"), row(5, "KM77")]
        slots = [
            posterior("KB77", {1: ("8", 0.4)}), posterior("KB77"), posterior("K877"), posterior("KB7", {3: ("7", 0.3)}),
            posterior("KM77", {1: ("8", 0.1)}),
        ]  # fmt: skip
        add(database, given, slots)
        found = find(database, Query("K877", "likely"))
        assert [f.record["event_id"][-1] for f in found] == ["3", "1", "5"]
        assert [f.score for f in found] == pytest.approx([0, -0.405, -2.197], abs=0.06)
        assert [f.record["event_id"][-1] for f in find(database, Query("KB77", "likely", ratio=0.2))] == ["2", "1", "4"]
        assert [f.record["event_id"][-1] for f in find(database, Query("K?77", "likely"))] == ["5", "3", "2", "1", "4"]


def test_likelihood_without_distributions_goes_by_alternatives(database: Database) -> None:
    found = find(database, Query("A8123", "likely"))  # every row of these tests has it as its alternative, with 0.04
    assert [f.record["plate"] for f in found] == ["A8123", "AB123"]
    assert found[1].score == pytest.approx(-3.12, abs=0.01)


def test_o_finds_the_zero_of_a_region_that_holds_it_so(database: Database) -> None:
    add(database, [row(40, "AG0R0T", kind=Kind(region="north-america")), row(41, "XG0R0T", kind=Kind(region="europe"))])
    found = find(database, Query("AGOR0T", "likely"))
    assert [(f.record["plate"], f.score) for f in found] == [("AG0R0T", 0.0)]
    assert find(database, Query("XGOR0T", "likely")) == []


def test_times_cameras_limits_and_states(database: Database) -> None:
    add(database, [row(30, "B83A7", camera="yard")])
    add(database, [row(31, "B83A7")], status="waiting")
    add(database, [row(32, "B83A7")], status="withdrawn")
    ids = [f.record["event_id"] for f in find(database, Query("B83A7"))]
    assert ids == [f"{31:016x}", f"{30:016x}", f"{0:016x}"]
    assert texts(database, "B83A7", camera="yard") == ["B83A7"]
    assert texts(database, "B83A7", camera="nowhere") == []
    at = micros(row(30).first_seen or WHEN)
    assert len(texts(database, "B83A7", since=at)) == 2
    assert len(texts(database, "B83A7", since=at, until=at + 1)) == 1
    assert len(texts(database, "B83A7", limit=2)) == 2


def test_where_many_plates_match_rows_are_walked_by_time(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_database(where, create=True) as database:
        same = row(1).first_seen
        add(database, [row(k, f"A{k:03d}", first_seen=same, last_seen=same) for k in range(60)])
        add(database, [row(k, f"B{k:03d}", camera="yard") for k in range(100, 160)])
        for many in (search._MANY, 10):
            monkeypatch.setattr(search, "_MANY", many)
            monkeypatch.setattr(search, "_CHUNK", 7)
            assert texts(database, "A*", limit=5) == ["A059", "A058", "A057", "A056", "A055"]
            assert len(texts(database, "*1*", limit=1000)) == 60 + 6 + 9
            assert texts(database, "?0*", camera="yard") == []


@pytest.mark.parametrize(
    ("text", "how", "told"),
    [
        ("**", "pattern", "names no character"), (" - ", "pattern", "names no character"),
        ("A*1", "likely", "no meaning with --likely"), ("AB", "edits", "make 2 characters anything"),
    ],
)  # fmt: skip
def test_searches_that_make_no_sense(database: Database, text: str, how: search.How, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        find(database, Query(text, how))


def test_every_search_is_noted(database: Database) -> None:
    find(database, Query("b?3*7", camera="gate"), who="anna@desk")
    with database.read() as connection:
        noted = connection.execute(select(schema.audit)).mappings().one()
    assert (noted["who"], noted["action"], noted["rows"]) == ("anna@desk", "find", 3)
    assert json.loads(noted["details"]) == {"text": "B?3*7", "how": "pattern", "camera": "gate"}
