"""Clients of the metrics port that are slow, silent, many or hostile keep nobody from being answered."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest
from notifykit import until

from streamer.serve import metrics
from streamer.serve.metrics import Metrics, MetricsServer

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    one = MetricsServer(Metrics(), "0")
    yield one
    one.close()


def connect(server: MetricsServer, said: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    client.sendall(said)
    return client


def answered(server: MetricsServer, path: str = "/healthz") -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as page:
        return bool(page.status == 200)


def hung_up(client: socket.socket) -> bool:
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("said", [b"", b"GET /healthz HT", b"GET /metrics HTTP/1.1\r\nX: 1\r\n", b"\x16\x03\x01\x02"])
def test_one_that_does_not_finish_holds_up_nobody(server: MetricsServer, said: bytes) -> None:
    with connect(server, said):
        assert answered(server)
        assert answered(server, "/metrics")


def test_hundreds_that_say_nothing(server: MetricsServer) -> None:
    before = threading.active_count()
    clients = [connect(server) for _ in range(300)]
    try:
        assert answered(server)
        assert hung_up(clients[0])  # the oldest made room
        most = before + metrics._MOST_CLIENTS + 10
        until(lambda: threading.active_count() <= most, 60)  # those hung up on end when they get to run
    finally:
        for client in clients:
            client.close()


def test_one_that_takes_too_long_is_hung_up_on(server: MetricsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_CLIENT_S", 0.2)
    with connect(server, b"GET /healthz HTTP/1.1\r\n") as client:
        for _ in range(20):  # a byte now and then does not help it
            time.sleep(0.05)
            try:
                client.sendall(b"X")
            except OSError:
                break
        assert hung_up(client)


def test_endless_headers_end(server: MetricsServer) -> None:
    with connect(server, b"GET /healthz HTTP/1.1\r\n") as client:
        try:
            for _ in range(100):
                client.sendall(b"X: " + b"y" * 8000 + b"\r\n")
        except OSError:
            pass
        assert hung_up(client)
    assert answered(server)


def test_the_end_waits_for_no_client(capfd: pytest.CaptureFixture[str]) -> None:
    server = MetricsServer(Metrics(), "0")
    idle, reader = connect(server), connect(server, b"GET /metrics HTTP/1.1\r\n\r\n")
    gone = connect(server, b"GET /metrics HTTP/1.1\r\n\r\n")
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    gone.close()
    began = time.monotonic()
    server.close()
    assert time.monotonic() - began < 5
    assert hung_up(idle)
    idle.close()
    reader.close()
    assert capfd.readouterr().err == ""


def test_head_has_no_body(server: MetricsServer) -> None:
    with connect(server, b"HEAD /healthz HTTP/1.0\r\n\r\n") as client:
        said = b""
        while more := client.recv(4096):
            said += more
    assert said.startswith(b"HTTP/1.0 200")
    assert said.endswith(b"\r\n\r\n")
