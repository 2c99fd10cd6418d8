"""Cameras that will not let anybody in: named for what it is, and not asked again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from clockkit import ManualClock
from test_reconnect import FakeCamera, some

from streamer.config.models import LiveConfig
from streamer.errors import InputError
from streamer.source.faults import SourceFault
from streamer.source.file import VideoSource
from streamer.source.reconnect import LiveFeed
from streamer.source.source import StreamInfo

pytestmark = pytest.mark.timeout(60)
QUICK = LiveConfig(connect_s=2, silence_s=1, backoff_s=0.02, refused_s=30)


@contextmanager
def answering(status: int) -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers everything so, and what it was sent as authorization."""
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("WWW-Authenticate", 'Basic realm="gate"')
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://me:secret@127.0.0.1:{server.server_address[1]}/live", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, "unauthorized", "user or password refused (401)"),
        (403, "forbidden", "access forbidden (403)"),
        (404, "not found", "no such stream (404)"),
        (500, "server error", "the server reports an error (5xx)"),
    ],
)
def test_answers_are_named(status: int, kind: str, words: str) -> None:
    with answering(status) as (url, asked), pytest.raises(SourceFault) as caught:
        VideoSource(url, live=QUICK).open()
    assert (caught.value.kind, caught.value.reason) == (kind, words)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert sum(a is not None for a in asked) <= 1  # one password an attempt


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/dev/video987", "no device"),
        ("rtsp://me:secret@127.0.0.1:9/s", "refused"),
        ("rtsp://me:secret@no-such-host.invalid/s", "unknown host"),
    ],
)
def test_what_does_not_answer_is_named(address: str, kind: str) -> None:
    with pytest.raises(SourceFault) as caught:
        VideoSource(address, live=QUICK).open()
    assert caught.value.kind == kind
    assert "secret" not in str(caught.value)


class Guarded(FakeCamera):
    """Refuses the password at each connection of `refused`, counted from 1."""

    refused: range = range(1, 1000)
    kind = "unauthorized"

    def open(self) -> StreamInfo:
        info = super().open()
        if len(self.opened) in self.refused:
            raise SourceFault("cam: cannot be opened (refused)", self.kind, "refused")
        return info


def opened_within(camera: FakeCamera, seconds: float, **options: Any) -> int:
    stop, until = threading.Event(), camera.clock.monotonic() + seconds
    for frame in LiveFeed(camera, QUICK, stop, clock=camera.clock, **options):
        assert frame is None or frame.width
        if camera.clock.monotonic() >= until:
            stop.set()
    return len(camera.opened)


def test_a_refused_password_ends_a_run_of_one_camera() -> None:
    camera = Guarded([some(5)], ManualClock())
    with pytest.raises(InputError, match="refused"):
        list(LiveFeed(camera, QUICK, threading.Event(), alone=True, clock=camera.clock))
    assert len(camera.opened) == 2


def test_a_missing_device_ends_it_at_once() -> None:
    camera = Guarded([some(5)], ManualClock())
    camera.kind = "no device"
    camera.again = lambda: camera  # type: ignore[method-assign]
    with pytest.raises(InputError):
        list(LiveFeed(camera, QUICK, threading.Event(), alone=True, clock=camera.clock))
    assert len(camera.opened) == 1


def test_beside_others_it_is_waited_for() -> None:
    assert opened_within(Guarded([some(5)], ManualClock()), 29) == 1
    # After 30, 60, 120 and then every 240 s, or a little more: accounts are locked after a few wrong passwords.
    assert opened_within(Guarded([some(5)], ManualClock()), 800) in (5, 6)


def test_one_that_was_connected_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    class Later(Guarded):
        refused = range(2, 100)

    with caplog.at_level(logging.WARNING):
        assert opened_within(Later([some(5)], ManualClock()), 25, alone=True, name="gate") == 2
    last = caplog.records[-1].getMessage()
    assert last.startswith("camera=gate reconnecting in 3")  # half a minute and a little more, of refused_s
    assert last.endswith("s (refused)")


def test_giving_up_does_not_wait_for_the_next_attempt() -> None:
    clock = ManualClock()
    began = clock.monotonic()
    with pytest.raises(InputError, match="away for"):
        list(
            LiveFeed(
                Guarded([some(5)], clock),
                QUICK.model_copy(update={"give_up_s": 3}),
                threading.Event(),
                clock=clock,
            )
        )
    assert clock.monotonic() - began < 10
