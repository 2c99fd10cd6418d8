"""The outbox keeps messages until they are sent, in order, and nothing that it took is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.errors import OutputError
from streamer.notify.message import Message
from streamer.notify.outbox import Outbox


def message(number: int, camera: str = "gate", crop: bytes | None = None) -> Message:
    return Message(f"{camera}{number}.final", camera, "passage", {"plate": f"津P{number}"}, crop)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "state" / "a.db")


def keys(outbox: Outbox) -> list[str]:
    return [one.message.key for one in outbox.listed("waiting")]


def test_messages_come_out_in_order_and_once(outbox: Outbox) -> None:
    outbox.put([message(1), message(2, crop=b"jpeg"), message(1)])
    outbox.put([message(2), message(3, "yard")])
    assert keys(outbox) == ["gate1.final", "gate2.final", "yard3.final"]
    first = outbox.next()
    assert first is not None
    assert first.message == message(1)
    outbox.sent(first.number)
    second = outbox.next()
    assert second is not None
    assert second.message.crop == b"jpeg"
    assert outbox.next(["gate"]).message.camera == "yard"  # type: ignore[union-attr]
    assert outbox.next(["gate", "yard"]) is None


def test_a_file_holds_what_was_put_for_the_next_process(outbox: Outbox) -> None:
    outbox.put([message(1)])
    again = Outbox(outbox.path)
    assert again.next() == outbox.next()
    before = outbox.version()
    again.put([message(2)])
    assert outbox.version() != before
    assert outbox.path.stat().st_mode & 0o077 == 0


def test_of_a_state_only_the_last_counts(outbox: Outbox) -> None:
    for up in (True, False):
        outbox.put([Message("health:gate", "gate", "health", {"up": up}), message(1)])
    assert [one.message.body.get("up") for one in outbox.listed("waiting")] == [None, False]


def test_dead_letters_are_listed_sent_again_and_dropped(outbox: Outbox) -> None:
    outbox.put([message(n) for n in range(4)], now=100.0)
    for one in outbox.listed("waiting")[:3]:
        outbox.tried(one.number, "HTTP 500")
        outbox.bury(one.number, "HTTP 422")
    counts = outbox.counts()
    assert (counts.waiting, counts.dead, counts.oldest) == (1, 3, 100.0)
    assert [(one.reason, one.tries) for one in outbox.listed("dead")] == [("HTTP 422", 1)] * 3
    assert outbox.revive(["gate1.final", "none"]) == 1
    assert outbox.drop("dead", ["gate0.final"]) == 1
    assert outbox.revive() == 1
    # In the order in which they were made, with tries of their own.
    assert [(one.message.key, one.tries) for one in outbox.listed("waiting")] == [
        ("gate1.final", 0), ("gate2.final", 0), ("gate3.final", 0),
    ]  # fmt: skip
    assert outbox.drop("waiting") == 3


def test_age_and_size_are_bounded(outbox: Outbox) -> None:
    outbox.put([message(1), Message("camera:gate", "gate", "camera")], now=100.0)
    outbox.put([message(n, crop=b"x" * 1000) for n in range(2, 6)], now=200.0)
    assert outbox.bury_older(150.0, now=1000.0) == 1
    assert [one.message.key for one in outbox.listed("dead")] == ["gate1.final"]
    assert outbox.trim(1e6, died=500.0) == 0
    assert outbox.trim(2500, died=500.0) == 2  # the dead letter went first
    assert (keys(outbox), outbox.counts().dead) == (["gate4.final", "gate5.final"], 0)
    assert outbox.counts().dropped == 2
    outbox.bury(outbox.listed("waiting")[0].number, "HTTP 400", now=600.0)
    assert outbox.trim(1e6, died=700.0) == 0
    assert outbox.counts().dead == 0


def test_unfinished_events_are_there_after_a_kill(outbox: Outbox) -> None:
    outbox.keep("gate", [("gate1", message(1)), ("gate2", message(2))])
    outbox.keep("yard", [("yard1", message(1, "yard"))])
    outbox.put([message(1)], finished=["gate1"])
    assert Outbox(outbox.path).left("gate") == [("gate2", message(2))]
    outbox.keep("gate", [])
    assert (outbox.left("gate"), len(outbox.left("yard"))) == ([], 1)


def test_what_is_no_outbox_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE message (x)")
    with pytest.raises(OutputError, match=r"other\.db: is no outbox: give outbox: another file"):
        Outbox(other)
    text = tmp_path / "text.db"
    text.write_text("plates\n" * 1000)
    with pytest.raises(OutputError, match=r"text\.db: file is not a database: move the file away"):
        Outbox(text)
    with pytest.raises(OutputError, match="no such outbox"):
        Outbox(tmp_path / "none.db", existing=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be made \(.*\): give outbox: FILE"):
        Outbox(tmp_path / "file" / "a.db")


def test_one_of_a_later_version_is_not_touched(outbox: Outbox) -> None:
    with sqlite3.connect(outbox.path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="newer version"):
        Outbox(outbox.path)


def test_a_full_disk_loses_nothing_that_was_taken(outbox: Outbox) -> None:
    outbox.put([message(1)])
    outbox._db.execute("PRAGMA max_page_count = 20")
    with pytest.raises(OutputError, match=r"full: free space on that disk"):
        outbox.put([message(2), message(3, crop=b"x" * 200_000)])
    assert keys(outbox) == ["gate1.final"]  # and nothing of a half
    outbox._db.execute("PRAGMA max_page_count = 1000")
    outbox.put([message(2), message(3, crop=b"x" * 200_000)])
    assert len(keys(outbox)) == 3


def test_what_was_taken_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL at random moments of a process that says what is in its outbox: all of that is there afterwards."""
    path = tmp_path / "a.db"
    script = (
        "import sys; from pathlib import Path; from streamer.notify.message import Message\n"
        "from streamer.notify.outbox import Outbox\n"
        "box, first = Outbox(Path(sys.argv[1])), int(sys.argv[2])\n"
        "for n in range(first, first + 10**6):\n"
        "    box.put([Message(f'e{n}.final', 'gate', 'passage', {'n': n})]); print(n, flush=True)\n"
    )
    said = 0
    for wanted in (1, 2, 7, 23, 40):
        process = subprocess.Popen([sys.executable, "-c", script, str(path), str(said)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(wanted):
            said = int(process.stdout.readline()) + 1
        process.kill()
        rest = process.stdout.read().split()
        process.wait()
        said = int(rest[-1]) + 1 if rest else said
        found = [one.message.body["n"] for one in Outbox(path).listed("waiting")]
        assert found[:said] == list(range(said))
        assert len(found) - said <= 1  # one that it had no time to say
        said = len(found)
