"""What tests of notifications share: a real HTTP server that answers as a test says, a target that notes, a sink of a
configuration."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from streamkit import passage_of

from streamer.config.load import value_of
from streamer.config.notify import NotifyOutput
from streamer.config.outputs import as_output
from streamer.notify.message import Message, passage_message
from streamer.notify.target import Refused, Unavailable
from streamer.sink.events import PassageFinal
from streamer.sink.registry import OutputPlace, open_output
from streamer.sink.sink import Sink


def output_of(text: str) -> Any:
    """The settings of an entry as a file has it."""
    found = as_output(value_of(text, "test"))
    assert isinstance(found, NotifyOutput)
    return found


def opened(text: str, folder: Path, *, live: bool = True, **place: Any) -> Sink:
    """The sink of an entry, its outbox in the folder."""
    output = output_of(text)
    if output.outbox is None:
        output = output.model_copy(update={"outbox": str(folder / f"{output.type}.db")})
    return open_output(output, OutputPlace(live=live, **place))


def row(number: int, camera: str = "gate", **more: Any) -> PassageFinal:
    return PassageFinal(camera, passage_of(camera=camera, track_id=number, event_id=f"{camera}{number}", **more))


def message(number: int, camera: str = "gate", **more: Any) -> Message:
    return passage_message(row(number, camera, **more).passage)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


# What the server does with a request: a status, and headers of the answer; "reset", "hang", "slow" or "drip".
Answer = tuple[int, dict[str, str]] | str


@dataclass
class Receiver:
    """`answers`: of the next requests, the last one of all further ones; `requests`: those that came, `taken`: those
    that are answered with 200."""

    answers: list[Answer] = field(default_factory=lambda: [(200, {})])
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> list[str]:
        return [one.headers["Idempotency-Key"] for one in self.taken]


@contextmanager
def receiver(port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A server of webhooks."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(body) < int(self.headers["Content-Length"]):  # who sent it was killed
                self.close_connection = True
                return
            request = Request(self.path, dict(self.headers), body)
            state.requests.append(request)
            answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            if answer == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            if answer == "hang":
                state.released.wait(20)
                self.close_connection = True
                return
            if answer == "drip":
                with suppress(OSError):
                    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 4000:
                        self.wfile.write(bytes([byte]))
                        if state.released.wait(0.03):
                            break
                self.close_connection = True
                return
            status, headers = (200, {}) if isinstance(answer, str) else answer
            if status == 200:
                state.taken.append(request)
            text = b"thanks" * 10
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if answer == "slow":
                state.released.wait(20)
            self.wfile.write(text)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()


class FakeTarget:
    """Takes messages, unless `fail` says what is wrong with one."""

    def __init__(self, fail: Callable[[Message], Exception | None] = lambda message: None) -> None:
        self.taken: list[str] = []
        self.tries: list[str] = []
        self.fail, self.idles = fail, 0

    def send(self, message: Message) -> None:
        self.tries.append(message.key)
        if (error := self.fail(message)) is not None:
            raise error
        self.taken.append(message.key)

    def idle(self) -> None:
        self.idles += 1

    def close(self) -> None:
        pass


class ManualTime:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def down(_: Message) -> Exception:
    return Unavailable("the connection was refused")


def broken(_: Message) -> Exception:
    return Refused("HTTP 500", final=False)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate of this machine's that nobody trusts yet."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, certificate
