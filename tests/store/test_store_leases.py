"""Leases with fencing tokens, and what nodes of a fleet read, into the store: both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from storekit import row

from streamer.sink.jsonl import record_of
from streamer.store.database import Database, open_database
from streamer.store.inbox import Entry, Inbox, row_body
from streamer.store.leases import Lease, Leases, Node
from streamer.store.schema import cameras, health, hits, meta, passages, rejections, revisions
from streamer.types import WatchMatch

S = 1_000_000


@pytest.fixture
def database(where: str) -> Iterator[Database]:
    with open_database(where, create=True) as opened:
        yield opened


def lease(token: int = 1, holder: str = "a", granted: int = 0, camera: str = "gate") -> Lease:
    return Lease(camera, token, holder, granted * S, (granted + 5) * S)


def entry(number: int, held: Lease, at: int, status: str = "final", plate: str = "AB123", key: int = 1) -> Entry:
    return Entry(number, "row", held, at * S, row_body(record_of(row(key, plate)), None, None, status))


def stored(database: Database) -> dict[str, tuple[str, int]]:
    """Status and revision of the rows by event id."""
    with database.read() as connection:
        found = connection.execute(select(passages.c.event_id, passages.c.status, passages.c.revision)).all()
    return {key: (status, revision) for key, status, revision in found}


def test_a_lease_is_kept_and_lost_to_a_higher_token(database: Database) -> None:
    leases = Leases(database)
    assert leases.last() == {}
    assert leases.keep([lease(), lease(camera="yard")]) == []
    assert leases.keep([replace(lease(), expires_at=9 * S)]) == []
    assert leases.last()["gate"].expires_at == 9 * S
    assert leases.keep([lease(2, "b", 10)]) == []
    assert leases.keep([lease()]) == [lease()]
    assert leases.superseded({"gate": 1, "yard": 1}) == {"gate"}
    assert {c: one.token for c, one in leases.last().items()} == {"gate": 2, "yard": 1}
    leases.end([lease(2, "b", 10)], 12 * S)
    assert leases.last()["gate"].expires_at == 12 * S
    assert leases.prune(100 * S) == 1
    assert leases.last()["gate"].token == 2


def test_one_supervises_and_another_may_when_it_is_gone(database: Database) -> None:
    leases = Leases(database)
    first = leases.supervise("one", 0, 5 * S)
    assert first is not None
    assert leases.supervise("two", 1 * S, 6 * S) is None
    assert leases.supervise("one", 2 * S, 7 * S, token=first.token) is not None
    second = leases.supervise("two", 8 * S, 12 * S)
    assert second is not None
    assert second.token == first.token + 1
    assert leases.supervise("one", 9 * S, 14 * S, token=first.token) is None
    assert leases.supervisor() == second


def test_nodes_are_noted_and_drained(database: Database) -> None:
    leases = Leases(database)
    leases.seen([Node("n1", 5, False, {"cores": 4})])
    assert leases.drain("n1")
    assert not leases.drain("n2")
    leases.seen([Node("n1", 6, False, {"cores": 8})])
    assert leases.nodes() == [Node("n1", 6, True, {"cores": 8})]
    leases.forget(["n1"])
    assert leases.nodes() == []


def test_entries_are_written_once(database: Database) -> None:
    inbox = Inbox(database)
    entries = [entry(1, lease(), 1, "waiting"), entry(2, lease(), 1), entry(3, lease(), 2, key=2)]
    assert inbox.apply("box", entries) == 0
    before = stored(database)
    assert before == {f"{1:016x}": ("final", 1), f"{2:016x}": ("final", 1)}
    assert inbox.apply("box", entries) == 0  # the answer was lost: it sends them again
    assert inbox.apply("box", [entry(2, lease(), 1, plate="OTHER"), entry(4, lease(), 3, key=3)]) == 0
    assert stored(database) == before | {f"{3:016x}": ("final", 1)}
    with database.read() as connection:
        assert connection.execute(select(revisions)).all() == []
    inbox.forget("box")
    with database.read() as connection:
        assert connection.execute(select(meta.c.key).where(meta.c.key.like("outbox:%"))).all() == []


def test_a_holder_that_comes_back_from_the_dead_adds_no_row_twice(database: Database) -> None:
    inbox, old, new = Inbox(database), lease(), lease(2, "b", 10)
    inbox.apply("a", [entry(1, old, 3, "waiting"), entry(2, old, 4, key=2)])
    Leases(database).keep([new])
    inbox.apply("b", [Entry(1, "begin", new, 10 * S, {"source": "rtsp://gate"})])
    assert stored(database) == {f"{k:016x}": ("final", 1) for k in (1, 2)}
    late = [
        entry(3, old, 5, key=3),  # read before the other was granted the camera, and not sent yet
        entry(4, old, 6, "waiting", key=4),
        entry(5, old, 7, "provisional", key=5),
        entry(6, old, 10, key=6),
        entry(7, old, 11, key=7),  # after it
        Entry(8, "health", old, 12 * S, {"up": False, "reason": "silence"}),
        Entry(9, "begin", old, 12 * S, {"source": "x"}),
    ]
    assert inbox.apply("a", late) == 1
    assert sorted(stored(database)) == [f"{k:016x}" for k in (1, 2, 3, 4, 6)]
    assert set(stored(database).values()) == {("final", 1)}
    with database.read() as connection:
        assert connection.execute(select(health)).all() == []
        assert connection.execute(select(cameras.c.source)).scalar_one() == "rtsp://gate"


def test_between_two_later_holders_nothing_is_taken(database: Database) -> None:
    Leases(database).keep([lease(), lease(2, "b", 10), lease(3, "c", 20)])
    Leases(database).keep([lease(2, "b", 10)])
    inbox = Inbox(database)
    assert inbox.apply("a", [entry(1, lease(), 15)]) == 1
    assert inbox.apply("b", [entry(1, lease(2, "b", 10), 15, key=2)]) == 0
    assert sorted(stored(database)) == [f"{2:016x}"]


def test_a_lease_granted_while_the_database_was_away_is_noted_with_its_rows(database: Database) -> None:
    inbox = Inbox(database)
    assert inbox.apply("b", [entry(1, lease(4, "b", 10), 12)]) == 0
    assert Leases(database).last()["gate"].token == 4
    assert inbox.apply("x", [entry(1, lease(4, "other", 10), 12, key=2)]) == 1  # the same token twice is none
    earlier = lease(3, "a", 5)  # granted and lost meanwhile, and heard of only now
    assert inbox.apply("a", [entry(1, earlier, 9, key=3), entry(2, earlier, 11, key=4)]) == 1
    assert sorted(stored(database)) == [f"{1:016x}", f"{3:016x}"]


def test_what_else_a_node_tells(database: Database) -> None:
    inbox, held = Inbox(database), lease()
    match = WatchMatch("stolen", "watch", "AB123", "exact")
    body = row_body(record_of(row(1)), ((("A", 0.9), ("B", 0.1)), (("", 1.0),)), [match], "final")
    record: dict[str, Any] = {"camera": "gate", "reason": "too few reads", "text": "A", "confidence": 0.2}
    entries = [
        Entry(1, "row", held, S, body),
        Entry(2, "health", held, 2 * S, {"up": False, "reason": "silence"}),
        Entry(3, "health", held, 3 * S, {"up": False, "reason": "silence"}),
        Entry(4, "rejection", held, 4 * S, {"record": record}),
    ]
    assert inbox.apply("box", entries) == 0
    with database.read() as connection:
        assert connection.execute(select(hits.c.watchlist, hits.c.entry)).all() == [("stolen", "AB123")]
        assert connection.execute(select(health.c.at, health.c.up)).all() == [(2 * S, False)]
        assert connection.execute(select(rejections.c.reason)).scalar_one() == "too few reads"


def test_nobody_waits_for_each_other(database: Database) -> None:
    """A supervisor and two nodes write at once, each with its own order of cameras and plates."""
    names = [f"c{k}" for k in range(6)]
    held = [lease(camera=name) for name in names]
    errors: list[BaseException] = []

    def work(what: Callable[[int], object]) -> None:
        try:
            for k in range(15):
                what(k)
        except BaseException as error:
            errors.append(error)

    def send(box: str, step: int) -> Callable[[int], object]:
        inbox = Inbox(database)
        return lambda k: inbox.apply(
            box, [entry(6 * k + n + 1, one, 1, plate=f"P{k}{one.camera}", key=1000 * step + 6 * k + n + 2000)
                  for n, one in enumerate(held[::step])]
        )  # fmt: skip

    threads = [threading.Thread(target=work, args=(one,)) for one in
               (lambda k: Leases(database).keep(held), send("a", 1), send("b", -1))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(stored(database)) == 180
