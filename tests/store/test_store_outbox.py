"""Targets whose outbox is the store: each row is there with what is to be sent of it, or neither."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from notifykit import FakeTarget, ManualTime, Receiver, broken, message, output_of, receiver, row, until
from streamkit import alpr

from streamer.config.notify import AttemptsConfig, QueueConfig
from streamer.config.outputs import as_output
from streamer.errors import OutputError
from streamer.notify.courier import Courier
from streamer.notify.message import Message
from streamer.notify.queue import Queue
from streamer.sink.events import PassageFinal, PassageProvisional, PassagesWaiting, WatchHit
from streamer.sink.registry import OutputPlace, open_outputs
from streamer.sink.sink import Sink
from streamer.store.database import Database, open_database
from streamer.store.outbox import StoreBox, StoreQueue, put, targets_of
from streamer.types import WatchMatch


@pytest.fixture
def database(where: str) -> Iterator[Database]:
    with open_database(where, create=True) as found:
        yield found


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def keys(queue: Queue) -> list[str]:
    return [one.message.key for one in queue.listed("waiting")]


def test_it_does_what_an_outbox_file_does(database: Database) -> None:
    queue, other = StoreQueue(database, "gate"), StoreQueue(database, "yard")
    queue.put([message(1), Message("gate2.final", "gate", "passage", {"plate": "津"}, b"jpeg"), message(1)], now=100.0)
    other.put([message(1)])
    queue.put([message(3, "yard")], now=200.0)
    assert keys(queue) == ["gate1.final", "gate2.final", "yard3.final"]
    assert targets_of(database) == ["gate", "yard"]
    first = queue.next()
    assert first is not None
    assert (first.message.body["plate"], first.made, first.tries) == ("皖A12345", 100.0, 0)
    queue.tried(first.number, "HTTP 500")
    queue.tried(first.number, "no connection", counts=False)
    queue.bury(first.number, "HTTP 422")
    second = queue.next()
    assert second is not None
    assert second.message.crop == b"jpeg"
    assert queue.next(["gate"]).message.camera == "yard"  # type: ignore[union-attr]
    assert queue.next(["gate", "yard"]) is None
    (dead,) = queue.listed("dead", 5)
    assert (dead.message.key, dead.reason, dead.tries) == ("gate1.final", "HTTP 422", 1)
    counts = queue.counts()
    assert (counts.waiting, counts.dead, counts.oldest) == (2, 1, 100.0)
    assert queue.revive(["gate1.final", "none"]) == 1
    queue.sent(second.number)
    assert keys(queue) == ["gate1.final", "yard3.final"]
    assert queue.drop("waiting", ["gate1.final"]) == 1
    assert queue.drop("waiting") == 1
    assert (queue.drop("dead"), len(keys(other))) == (0, 1)


def test_states_replace_each_other_and_bounds_hold(database: Database) -> None:
    queue = StoreQueue(database, "gate")
    for up in (True, False):
        queue.put([Message("health:gate", "gate", "health", {"up": up})], now=100.0)
    queue.put([message(1)], now=100.0)
    assert [one.message.body.get("up") for one in queue.listed("waiting")] == [False, None]
    queue.put([Message(f"e{n}", "gate", "passage", {"x": "x" * 1000}) for n in range(5)], now=200.0)
    assert queue.bury_older(150.0, now=1000.0) == 1
    assert queue.trim(2500, died=500.0) == 3
    assert (len(keys(queue)), queue.counts().dead, queue.counts().dropped) == (2, 0, 3)
    queue.bury(queue.listed("waiting")[0].number, "HTTP 400", now=600.0)
    assert queue.trim(1e6, died=700.0) == 0
    assert queue.counts().dead == 0


def test_the_courier_sends_from_it(database: Database) -> None:
    queue, target, time = StoreQueue(database, "gate"), FakeTarget(), ManualTime()
    queue.put([message(n, camera) for n in range(3) for camera in ("gate", "yard")], now=time.now)
    target.fail = lambda one: broken(one) if one.key == "gate0.final" else None
    courier = Courier("gate", queue, target, QueueConfig(), AttemptsConfig(tries=2), clock=time, wall=time)
    for _ in range(40):
        time.now += courier.step()
    assert target.taken == [f"yard{n}.final" for n in range(3)] + ["gate1.final", "gate2.final"]
    assert [one.message.key for one in queue.listed("dead")] == ["gate0.final"]


def test_one_process_sends(where: str, database: Database) -> None:
    with open_database(where) as second:
        mine, theirs = (
            StoreBox(database, "gate").right("gate", "a" * 8),
            StoreBox(second, "gate").right("gate", "a" * 8),
        )
        assert mine.taken()
        assert mine.taken()
        assert not theirs.taken()
        assert StoreBox(second, "yard").right("yard", "b" * 8).taken()
        mine.give_back()
        assert theirs.taken()
        theirs.give_back()


def opened(where: str, server: Receiver, settings: str = "") -> list[Sink]:
    quick = "attempts: {first_s: 0.01, most_s: 0.05}"
    hook = output_of(f"{{type: webhook, name: hook, url: '{server.url}', {quick} {settings}}}")
    return open_outputs([as_output({"type": "store", "path": where}), hook], OutputPlace(live=True))


def test_a_run_with_both_sends_each_row_in_order(where: str, server: Receiver) -> None:
    server.answers = [(503, {}), (200, {})]
    crop = np.full((12, 32, 3), 90, np.uint8)
    store, hook = opened(where, server, ", send: [final, provisional, hits], crop: true")
    assert not hook.wants.events
    assert store.wants.crops
    match = WatchMatch(list="staff", kind="watch", plate="B77", mode="exact")
    events = [
        PassageProvisional("gate", row(1, crop=crop).passage), WatchHit("gate", match, row(1).passage, "provisional"),
        row(1, crop=crop), row(2, crop=crop), PassagesWaiting("gate", ()), row(2, crop=crop),
    ]  # fmt: skip
    for event in events:
        if store.wants.matches(event):
            store.write(event)
    hook.close()
    store.close()
    assert [key.split("-")[0] for key in server.ids()] == ["gate1.1", "gate1.hit", "gate1.final", "gate2.final"]
    assert b"\xff\xd8\xff" in server.taken[-1].body
    assert hook.result() == "4 messages to hook"  # type: ignore[attr-defined]
    with open_database(where) as database:
        assert StoreQueue(database, "hook").counts().waiting == 0


def test_a_row_and_its_message_are_written_together_or_not_at_all(
    where: str, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = opened(where, server)

    def fails(*_: object) -> None:
        raise OutputError("no room")

    with monkeypatch.context() as broken_off:
        broken_off.setattr("streamer.store.outbox.put", fails)
        with pytest.raises(OutputError, match="no room"):
            store.write(row(1))
    assert not store.rows  # type: ignore[attr-defined]
    store.write(row(1))  # as the delivery does
    until(lambda: server.taken)
    store.close()
    assert server.ids() == ["gate1.final"]


def test_an_amended_row_is_another_message(where: str, server: Receiver) -> None:
    store, _ = opened(where, server)
    for passage in (row(1).passage, row(1).passage, row(1, confidence=0.5).passage):
        store.write(PassageFinal("gate", passage))
    store.close()
    assert server.ids() == ["gate1.final", "gate1.final-2"]


def test_rows_that_a_killed_run_left_are_sent(where: str, server: Receiver) -> None:
    script = (
        "import os, sys; sys.path[:0] = sys.argv[3:]\nfrom notifykit import output_of, row\n"
        "from streamer.config.outputs import as_output\nfrom streamer.sink.events import PassagesWaiting\n"
        "from streamer.sink.registry import OutputPlace, open_outputs\n"
        "hook = output_of(\"{type: webhook, name: hook, url: '%s', filter: {cameras: [gate]}}\" % sys.argv[2])\n"
        "store, _ = open_outputs([as_output({'type': 'store', 'path': sys.argv[1]}), hook], OutputPlace(live=True))\n"
        "store.write(PassagesWaiting('gate', tuple(row(n).passage for n in (1, 2))))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, where, server.url, *sys.path], check=False)
    store, _ = opened(where, server)
    store.write(PassagesWaiting("gate", ()))
    until(lambda: len(server.taken) == 2)
    store.close()
    assert server.ids() == ["gate1.final", "gate2.final"]


def test_its_own_file_keeps_it_apart(where: str, server: Receiver, tmp_path: Path) -> None:
    store, hook = opened(where, server, f", outbox: {tmp_path / 'hook.db'}")
    assert hook.wants.events
    store.close()
    hook.close()
    assert (tmp_path / "hook.db").is_file()


def test_commands_know_the_outbox_of_the_store(
    where: str, server: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        f"outputs:\n  - {{type: store, path: '{where}'}}\n  - {{type: webhook, name: hook, url: '{server.url}'}}\n"
    )
    with open_database(where, create=True) as database, database.write() as connection:
        put(connection, "hook", message(1))
        put(connection, "hook", message(2))
    with open_database(where) as database:
        queue = StoreQueue(database, "hook")
        queue.bury(queue.listed("waiting")[0].number, "HTTP 422")
    for place in (("--config", str(path)), ("--store", where)):
        assert alpr("notify", "list", *place) == 0
        assert "HTTP 422" in capsys.readouterr().out
    assert alpr("notify", "resend", "hook", "--store", where) == 0
    assert alpr("notify", "send", "--config", str(path)) == 0
    assert "hook: 2 sent, 0 wait, 0 dead letters" in capsys.readouterr().out
    assert server.ids() == ["gate1.final", "gate2.final"]


def test_two_stores_are_asked_for_nothing(server: Receiver, tmp_path: Path) -> None:
    stores = [as_output({"type": "store", "path": str(tmp_path / name)}) for name in ("a.db", "b.db")]
    hook = output_of(f"{{type: webhook, name: hook, url: '{server.url}', outbox: {tmp_path / 'hook.db'}}}")
    sinks = open_outputs([*stores, hook], OutputPlace(live=True))
    assert sinks[2].wants.events
    for sink in sinks:
        sink.close()
