"""The sending step by step, on a clock that the tests move."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from notifykit import FakeTarget, ManualTime, broken, down, message

from streamer.config.notify import AttemptsConfig, QueueConfig
from streamer.notify.courier import IDLE_S, Courier, wait_of
from streamer.notify.message import Message
from streamer.notify.outbox import Outbox
from streamer.notify.target import Refused, Unavailable


class Line:
    """A courier, its outbox and its target."""

    def __init__(self, folder: Path, **settings: float) -> None:
        self.outbox, self.target, self.time = Outbox(folder / "a.db"), FakeTarget(), ManualTime()
        self.courier = self.new(**settings)

    def new(self, max_age_h: float = 72, max_mb: float = 200, tries: int = 12) -> Courier:
        return Courier(
            "gate", self.outbox, self.target, QueueConfig(max_age_h=max_age_h, max_mb=max_mb),
            AttemptsConfig(tries=tries, first_s=1, most_s=60), clock=self.time, wall=self.time,
        )  # fmt: skip

    def put(self, *messages: Message) -> None:
        self.outbox.put(messages, now=self.time.now)

    def run(self, seconds: float) -> None:
        """As long as that, without the waiting."""
        end = self.time.now + seconds
        while self.time.now < end:
            wait_s = self.courier.step()
            assert wait_s >= 0
            self.time.now += max(wait_s, 1e-3)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_messages_are_sent_in_order_and_removed(line: Line) -> None:
    line.put(message(1), message(2, "yard"), message(3))
    line.run(1)
    assert line.target.taken == ["gate1.final", "yard2.final", "gate3.final"]
    assert (line.outbox.counts().waiting, line.courier.sent) == (0, 3)
    assert line.courier.step() == IDLE_S
    assert line.target.idles


def test_an_hour_without_target_loses_nothing_and_keeps_the_order(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    line.target.fail = down
    for number in range(60):
        line.put(message(number), message(number, "yard"))
        line.run(60)
    assert 60 <= len(line.target.tries) <= 150  # a try a minute or so, each of the first message
    assert set(line.target.tries) == {"gate0.final"}
    told = [r.getMessage() for r in caplog.records]
    assert told[0] == "gate: the connection was refused; 2 rows wait in its outbox"
    assert len(told) <= 61
    line.target.fail = lambda message: None
    line.run(61)
    assert line.target.taken == [f"{camera}{n}.final" for n in range(60) for camera in ("gate", "yard")]
    assert "gate: answers again; 119 rows wait" in [r.getMessage() for r in caplog.records]
    assert line.outbox.counts().dead == 0


def test_waits_double_with_jitter_up_to_a_ceiling() -> None:
    assert [wait_of(n, 1, 60, lambda: 1.0) for n in (1, 2, 3, 7, 100)] == [1, 2, 4, 60, 60]
    assert [wait_of(n, 1, 60, lambda: 0.0) for n in (1, 2, 100)] == [0.5, 1, 30]


def test_what_the_target_asks_for_is_waited(line: Line) -> None:
    line.put(message(1))
    line.target.fail = lambda message: Unavailable("HTTP 429", 500.0)
    line.run(499)
    assert len(line.target.tries) == 1
    line.target.fail = lambda message: Unavailable("HTTP 429", 1e9)
    line.run(2)
    line.target.fail = lambda message: None
    line.run(3601)  # an hour at most
    assert line.target.taken == ["gate1.final"]


def failing(*keys: str, error: Callable[[Message], Exception]) -> Callable[[Message], Exception | None]:
    return lambda message: error(message) if message.key in keys else None


def test_one_bad_message_holds_up_its_camera_only_and_is_a_dead_letter_in_the_end(line: Line) -> None:
    line.put(message(1), message(2), message(3, "yard"))
    line.target.fail = failing("gate1.final", error=broken)
    line.run(0.4)
    assert line.target.taken == ["yard3.final"]  # gate2 waits for gate1
    line.run(3600)
    assert line.target.taken == ["yard3.final", "gate2.final"]
    assert line.target.tries.count("gate1.final") == 12
    (dead,) = line.outbox.listed("dead")
    assert (dead.message.key, dead.reason, dead.tries) == ("gate1.final", "HTTP 500", 12)
    line.target.fail = lambda message: None
    line.outbox.revive()
    line.run(1)
    assert line.target.taken[-1] == "gate1.final"


def test_what_can_never_be_taken_is_a_dead_letter_at_once(line: Line) -> None:
    line.put(message(1), message(2))
    line.target.fail = failing("gate1.final", error=lambda message: Refused("HTTP 422", final=True))
    line.run(0.1)
    assert line.target.taken == ["gate2.final"]
    assert [one.reason for one in line.outbox.listed("dead")] == ["HTTP 422"]


def test_a_bug_with_one_message_does_not_end_the_sending(line: Line) -> None:
    line.put(message(1), message(2, "yard"))
    line.target.fail = failing("gate1.final", error=lambda message: ZeroDivisionError("oh"))
    line.run(3600)
    assert line.target.taken == ["yard2.final"]
    assert [one.reason for one in line.outbox.listed("dead")] == ["ZeroDivisionError: oh"]


def test_age_and_size_are_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = Line(tmp_path, max_age_h=1, max_mb=0.01)
    line.target.fail = down
    line.put(message(1))
    line.run(3600 + 60 + 60 + 60)  # what is too old is looked for once a minute, and the next try may be a minute away
    assert [one.reason for one in line.outbox.listed("dead")] == ["too old: the connection was refused"]
    line.put(*(message(n) for n in range(2, 30)))
    line.run(120)
    counts = line.outbox.counts()
    assert 5 < counts.waiting < 15
    assert counts.dropped == 28 - counts.waiting
    assert line.outbox.listed("waiting")[-1].message.key == "gate29.final"
    assert "the outbox is full" in caplog.text


def test_a_connection_that_is_lost_while_nothing_is_sent_is_waited_for(line: Line) -> None:
    def lost() -> None:
        raise Unavailable("no connection")

    line.target.idle = lost  # type: ignore[method-assign]
    line.run(0.1)
    assert 0 < line.courier.step() <= 1
