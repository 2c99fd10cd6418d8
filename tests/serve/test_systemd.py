"""What a run reports to systemd, over a socket that the test holds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sitekit import Camera, config
from streamkit import FakeDetector, FakeReader

from streamer.cli.run_request import RunRequest
from streamer.pipeline.engines import Engines
from streamer.pipeline.site import run_site
from streamer.pipeline.status import Streams
from streamer.serve.systemd import Supervision, notify_of, watchdog_of
from streamer.source.health import Health
from streamer.types import RunSummary

START = "EXTEND_TIMEOUT_USEC=60000000"


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end of the socket."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(path))
        one.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield one


def heard(manager: socket.socket) -> list[str]:
    return manager.recv(65536).decode().split("\n")


def test_ready_with_the_first_frame_and_alive_while_the_loop_turns() -> None:
    streams, summary = Streams(), RunSummary()
    watch = Supervision(streams, "any", 2, watchdog_s=60.0)
    assert watch.every_s == 1.0
    assert watch.messages(0.0) == ["STATUS=starting"]  # networks are loading: TimeoutStartSec counts
    pulse = streams.watch("gate", summary, Health())
    streams.watch("yard", RunSummary(), Health()).ended = False
    assert watch.messages(1.0) == [START, "STATUS=waiting for frames: gate, yard"]
    pulse.turns, summary.frames, summary.passages = 1, 1, 1
    assert watch.messages(2.0) == ["READY=1", "WATCHDOG=1", "STATUS=1 of 2 streams, 1 row"]
    assert watch.messages(3.0) == ["WATCHDOG=1"]  # once ready, once told
    assert watch.messages(4.0, stopping=True) == ["STOPPING=1", "WATCHDOG=1", "STATUS=writing the last rows"]


def test_all_waits_for_all() -> None:
    streams, summary = Streams(), RunSummary(frames=1)
    streams.watch("gate", summary, Health())
    watch = Supervision(streams, "all", 2)
    assert watch.messages(0.0) == [START, "STATUS=starting"]
    late = RunSummary()
    streams.watch("yard", late, Health())
    assert watch.messages(1.0) == [START, "STATUS=waiting for frames: yard"]
    late.frames = 1
    assert watch.messages(2.0)[0] == "READY=1"


@pytest.mark.parametrize(("of", "alive"), [("turning", True), ("waiting", True), ("ended", True), ("hanging", False)])
def test_a_stream_that_hangs_is_no_sign_of_life(of: str, alive: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Also where others turn, and where the camera is away: its loop still turns then."""
    streams = Streams()
    good = streams.watch("gate", RunSummary(frames=5), Health(away=True))
    pulse = streams.watch("yard", RunSummary(frames=5), Health())
    watch = Supervision(streams, "any", 2, watchdog_s=20.0)
    watch.messages(0.0)
    pulse.waiting, pulse.ended = of == "waiting", of == "ended"
    for second in range(1, 12):
        good.turns += 1
        pulse.turns += of == "turning"
        lines = watch.messages(float(second))
    assert ("WATCHDOG=1" in lines) == alive
    assert ("yard: no progress for 10 s" in caplog.text) != alive
    if of == "hanging":
        pulse.turns += 1  # it goes on after all
        assert "WATCHDOG=1" in watch.messages(12.0)


def test_a_start_that_hangs_is_not_extended() -> None:
    streams = Streams()
    streams.watch("gate", RunSummary(), Health())
    watch = Supervision(streams, "any", 1)
    assert START in watch.messages(0.0)
    assert START in watch.messages(29.0)
    assert watch.messages(30.0) == ["STATUS=no progress: gate"]


def test_names_do_not_break_the_line() -> None:
    streams = Streams()
    streams.watch("gate\nREADY=1", RunSummary(), Health())
    assert Supervision(streams, "any", 1).messages(0.0)[-1] == "STATUS=waiting for frames: gate READY=1"


def test_a_site_reports_from_start_to_end(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    site = config(gate="blue", yard="green")
    stop = threading.Event()
    request = RunRequest(site, None, (), None, None, quiet=True)
    lines: list[str] = []

    def listen() -> None:
        while "WATCHDOG=1" not in lines:
            lines.extend(heard(manager))
        stop.set()

    listener = threading.Thread(target=listen)
    listener.start()
    engines = Engines(FakeDetector(), FakeReader(), 0.5)
    with request.served(stop, 2) as streams:
        run_site(
            site, [], engines=engines, stop=stop, source_of=lambda c, _: Camera(c.address()), streams=streams
        )  # fmt: skip
    listener.join()
    while "STOPPING=1" not in lines:
        lines += heard(manager)
    assert lines.count("READY=1") == 1
    assert lines.index("READY=1") < lines.index("WATCHDOG=1") < lines.index("STOPPING=1")


def test_without_a_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with RunRequest(config(gate="blue"), None, (), None, None, quiet=True).served(threading.Event()) as streams:
        assert streams is None
    assert notify_of({}) is None
    assert notify_of({"NOTIFY_SOCKET": "relative"}) is None


def test_a_manager_that_is_gone_or_does_not_read_holds_nothing_up(manager: socket.socket, tmp_path: Path) -> None:
    gone, deaf = (
        notify_of({"NOTIFY_SOCKET": str(tmp_path / "none")}),
        notify_of({"NOTIFY_SOCKET": manager.getsockname()}),
    )
    assert gone is not None
    assert deaf is not None
    gone.send(["READY=1"])
    for _ in range(2000):  # more than the socket holds
        deaf.send(["WATCHDOG=1"])
    gone.close()
    deaf.close()


def test_abstract_sockets() -> None:
    name = "\0alpr-test-notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(5)
        notify = notify_of({"NOTIFY_SOCKET": "@" + name[1:]})
        assert notify is not None
        notify.send(["READY=1", "STATUS=x"])
        assert heard(manager) == ["READY=1", "STATUS=x"]
        notify.close()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({}, None), ({"WATCHDOG_USEC": "60000000"}, 60.0), ({"WATCHDOG_USEC": "0"}, None), ({"WATCHDOG_USEC": "x"}, None),
     ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, None)],
)  # fmt: skip
def test_the_watchdogs_limit(given: dict[str, str], seconds: float | None) -> None:
    assert watchdog_of(given) == seconds
