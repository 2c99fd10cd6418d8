"""The server: addresses, https, clients that are slow or idle, and its end."""

from __future__ import annotations

import io
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from notifykit import self_signed
from webkit import PASSWORD, free_port

from streamer.cli import cli
from streamer.config.models import load_config
from streamer.config.web import WebConfig
from streamer.errors import ConfigError
from streamer.serve.web import server as module
from streamer.serve.web.access.accounts import accounts
from streamer.serve.web.context import Site
from streamer.serve.web.server import PageServer, place_of
from streamer.store.database import open_database


@contextmanager
def serving(**settings: Any) -> Iterator[PageServer]:
    server = PageServer(Site(WebConfig(at="0", **settings)))
    try:
        yield server
    finally:
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 20  # on a machine that has much else to do
        assert not server._thread.is_alive()


def get(server: PageServer, path: str = "healthz", **more: Any) -> httpx.Response:
    return httpx.get(server.url + path, trust_env=False, timeout=30, **more)


def test_places() -> None:
    assert place_of("8080") == ("127.0.0.1", 8080)
    assert place_of("0.0.0.0:80") == ("0.0.0.0", 80)
    assert place_of("[::1]:80") == ("::1", 80)
    for wrong in ("", "x", "1:x", "host", "70000", "1.2.3.4:-1"):
        with pytest.raises(ConfigError, match="expected PORT or HOST:PORT"):
            place_of(wrong)


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--web {port}: cannot be served there .*: give another port"):
            PageServer(Site(WebConfig(at=str(port))))


def test_slow_and_idle_clients_hurt_nobody_and_not_the_end() -> None:
    with serving(prefix="/alpr") as server:
        address = ("127.0.0.1", server.port)
        idle = [socket.create_connection(address) for _ in range(20)]
        half = socket.create_connection(address)
        half.sendall(b"GET /alpr/live HTTP/1.1\r\nHost: localhost\r\nX: ")
        slow = socket.create_connection(address)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /alpr/live/events HTTP/1.1\r\nHost: localhost\r\n\r\n")  # and never reads
        assert get(server).text == "ok\n"
        for _ in range(3000):
            server._site.feed.publish("health", "gate", {"text": "x" * 1000})
        assert get(server).text == "ok\n"
        for one in (*idle, half):
            one.close()
    slow.close()


def test_a_client_without_a_request_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEAD_S", 0.2)
    with serving() as server, socket.create_connection(("127.0.0.1", server.port)) as idle:
        assert get(server).status_code == 200
        idle.settimeout(20)
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""


def test_of_too_many_clients_the_oldest_that_waits_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CLIENTS", 5)
    with serving() as server:
        waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
        assert get(server).status_code == 200
        for one in waiting:
            one.close()


def test_a_request_that_is_no_http_is_answered_so() -> None:
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as one:
        one.sendall(b"\x16\x03\x01\x02\x00 nonsense\r\n\r\n")
        assert one.recv(1000).startswith(b"HTTP/1.1 400")
        assert get(server).status_code == 200


@pytest.mark.parametrize(
    "head", [b"X: a\x00b", b"X: a\nSet-Cookie: b", b"X : a", b"Content-Length: 5\r\nContent-Length: 6"]
)
def test_headers_that_smuggle(head: bytes) -> None:
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
        answer = one.recv(4000)
        assert b"Set-Cookie" not in answer
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))


def test_https(tmp_path: Path) -> None:
    key, cert = self_signed(tmp_path)
    with serving(certificate=str(cert), key=str(key)) as server:
        assert server.url.startswith("https://")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        answer = get(server, verify=context)
        assert "max-age" in answer.headers["strict-transport-security"]
    with pytest.raises(ConfigError, match="PEM"):
        PageServer(Site(WebConfig(at="0", certificate=str(key), key=str(cert))))


def test_forwarded_headers_are_believed_of_named_proxies_only() -> None:
    head = {"x-forwarded-proto": "https", "x-forwarded-for": "10.9.9.9"}
    with serving() as server:
        assert "strict-transport-security" not in get(server, headers=head).headers
    with serving(proxies=("127.0.0.1",)) as server:
        assert "strict-transport-security" in get(server, headers=head).headers
    with serving(proxies=("10.0.0.0/8",)) as server:
        assert "strict-transport-security" not in get(server, headers=head).headers


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{prefix: 'a b'}", "expected a path"), ("{prefix: /../x}", "expected a path"),
        ("{proxies: [nonsense]}", "address"),
        ("{certificate: a.pem}", "https needs both"), ("{session_h: 0}", "session_h"), ("{at: ''}", "at"),
    ],
)  # fmt: skip
def test_settings_that_are_wrong(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"web: {text}\n")
    with pytest.raises(ConfigError, match=told):
        load_config(path)


# The commands


def alpr(*arguments: str, stdin: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments), input=stdin)
    error = result.exception
    told = str(error) if error is not None and not isinstance(error, SystemExit) else ""
    return getattr(error, "exit_code", result.exit_code), result.output + told


def test_users_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = str(tmp_path / "plates.db")
    words = ("--store", store, "--password-stdin")
    assert alpr("user", "add", "ann", *words, "--role", "admin", stdin=PASSWORD + "\n")[0] == 0
    assert alpr("user", "add", "cam", *words, "--camera", "gate", stdin=PASSWORD + "\n")[0] == 0
    code, told = alpr("user", "add", "ann", *words, stdin=PASSWORD + "\n")
    assert (code, "there is a user of that name" in told) == (2, True)
    code, told = alpr("user", "add", "short", *words, stdin="short\n")
    assert (code, "at least 12" in told) == (2, True)
    code, told = alpr("user", "add", "a b", *words, stdin=PASSWORD + "\n")
    assert (code, "expected a name" in told) == (2, True)
    open_database(tmp_path / "new.db", create=True).close()
    code, told = alpr("user", "list", "--store", str(tmp_path / "new.db"))
    assert (code, "no user yet: alpr user add NAME --role admin" in told) == (0, True)
    code, told = alpr("user", "list", "--store", store)
    assert "ann" in told
    assert "gate" in told
    assert '"cameras": ["gate"]' in alpr("user", "list", "--store", store, "--json")[1]
    assert alpr("user", "password", "cam", *words, stdin="another password\n")[0] == 0
    code, told = alpr("user", "token", "cam", "--store", store, "--for", "reports", "--days", "3")
    assert (code, told.strip().startswith("alpr_")) == (0, True)
    code, told = alpr("user", "token", "cam", "--store", store, "--for", "x", "--role", "admin")
    assert (code, "is more than cam may do" in told) == (2, True)
    assert alpr("user", "remove", "ann", "--store", store)[0] == 0
    assert alpr("user", "remove", "ann", "--store", store)[0] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with open_database(store) as database:
        assert [one.user.name for one in accounts(database)] == ["cam"]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (False, "no such store|has no user: alpr user add"),
        (True, "has no user: alpr user add NAME --role admin --store"),
    ],
)
def test_others_can_reach_it_only_where_there_are_users(tmp_path: Path, made: bool, told: str) -> None:
    store = tmp_path / "plates.db"
    if made:
        open_database(store, create=True).close()
    code, output = alpr("serve", "--store", str(store), "--web", f"0.0.0.0:{free_port()}")
    assert code == 2
    assert re.search(told, output)


def test_serve_says_what_is_missing(tmp_path: Path) -> None:
    assert alpr("serve")[0] == 2
    code, told = alpr("serve", "--store", str(tmp_path / "none.db"))
    assert (code, "no such store" in told) == (2, True)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.cli.page.find_spec", lambda name: None)
    code, told = alpr("serve", "--store", "x.db")
    assert (code, "pip install 'alpr-streamer[web]'" in told) == (2, True)


def test_serve_shows_a_store_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamer.cli import page
    from streamer.cli.signals import Stop

    store = tmp_path / "plates.db"
    open_database(store, create=True).close()
    answers: list[httpx.Response] = []
    plain = page.served

    def asked(site: Site, *, quiet: bool) -> PageServer:
        server = plain(site, quiet=quiet)
        answers.append(get(server, "live"))
        answers.append(get(server, "system/checks"))
        return server

    @contextmanager
    def stopped(self: Stop) -> Iterator[None]:
        self.event.set()
        yield

    monkeypatch.setattr(page, "served", asked)
    monkeypatch.setattr(Stop, "on_signals", stopped)
    config = tmp_path / "c.yaml"
    config.write_text(f"outputs:\n  - {{type: store, path: {store}}}\n")
    code, told = alpr("serve", "--config", str(config), "--web", "0")
    assert (code, [one.status_code for one in answers]) == (0, [200, 200])
    assert "page: http://127.0.0.1:" in told
    assert "No camera yet" in answers[0].text
    assert "cores" in answers[1].text


def test_the_page_of_a_run_is_there_while_it_runs(tmp_path: Path) -> None:
    import threading

    from streamer.cli.run_request import RunRequest
    from streamer.config.models import RunConfig
    from streamer.serve.web.live.recent import PageSink

    config = RunConfig.model_validate({
        "web": {"at": "0"}, "cameras": {"gate": "rtsp://x/1"},
        "outputs": [{"type": "store", "path": str(tmp_path / "plates.db")}],
    })  # fmt: skip
    request = RunRequest(config, None, config.outputs, None, None, quiet=True)
    with request.served(threading.Event()) as streams:
        assert streams is not None
        assert [type(one) for one in streams.onlookers] == [PageSink]
        assert streams.viewer is not None
        (server,) = [t for t in threading.enumerate() if t.name == "alpr-page"]
    assert not server.is_alive()
    others = config.model_copy(update={"web": config.web.model_copy(update={"at": "0.0.0.0:0"})})
    refused = RunRequest(others, None, others.outputs, None, None, quiet=True)
    with pytest.raises(ConfigError, match="alpr user add NAME --role admin --store"), refused.served(threading.Event()):
        pass
    bare = RunRequest(others, None, (), None, None, quiet=True)
    with pytest.raises(ConfigError, match="give --store"), bare.served(threading.Event()):
        pass


def test_a_run_writes_the_same_rows_with_and_without_the_page(tmp_path: Path) -> None:
    """And its frames and tracks are shown to who looks, and only then."""
    from streamkit import FakeDetector, FakeReader, drive, write_video

    from streamer.pipeline.runner import run_stream
    from streamer.pipeline.status import Streams
    from streamer.serve.web.live.recent import PageSink
    from streamer.sink.csv import CsvSink

    class Viewer:
        def __init__(self, looks: bool) -> None:
            self.looks, self.frames, self.texts = looks, 0, set[str]()

        def wants(self, stream: str) -> bool:
            return self.looks

        def put(self, stream: str, frame: Any, tracks: Any) -> None:
            self.frames += 1
            self.texts |= {one.text for one in tracks}

    clip = write_video(tmp_path / "clip.mp4", drive())
    rows = {}
    for page in (None, True, False):
        streams = Streams()
        if page is not None:
            site = Site()
            streams.viewer = viewer = Viewer(page)
            streams.onlookers.append(PageSink(site.feed))
        path = tmp_path / f"{page}.csv"
        summary = run_stream(clip, [CsvSink(path)], detector=FakeDetector(), reader=FakeReader(), streams=streams)
        rows[page] = path.read_bytes()
        if page is not None:
            assert viewer.frames == (summary.frames if page else 0)
            assert bool(viewer.texts - {""}) is page
            assert len(streams.onlookers[0].rows()) == summary.passages  # type: ignore[attr-defined]
    assert summary.passages > 0
    assert rows[None] == rows[True] == rows[False]
