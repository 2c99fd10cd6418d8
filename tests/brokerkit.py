"""A real MQTT broker for tests (mosquitto), and a client that notes what is published."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
import pytest

from streamer.notify.mqtt import hang_up

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def check_installed() -> None:
    """Skips the test where there is no broker; CI must have one."""
    if PROGRAM is None:
        missing = "no MQTT broker here: apt-get install mosquitto (make test does where it may)"
        if os.environ.get("CI") == "true" or os.environ.get("ALPR_REQUIRE_DATA") == "1":
            pytest.fail(missing)
        pytest.skip(missing)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """`start` and `stop` as often as wanted, on the same port."""

    def __init__(self, folder: Path, settings: str = "allow_anonymous true\n") -> None:
        check_installed()
        self.folder, self.port, self._process = folder, free_port(), None
        self._settings = settings
        self.url = f"mqtt://127.0.0.1:{self.port}"

    _process: subprocess.Popen[bytes] | None

    def start(self) -> None:
        file = self.folder / "mosquitto.conf"
        file.write_text(f"listener {self.port} 127.0.0.1\npersistence false\n{self._settings}")
        assert PROGRAM is not None
        self._process = subprocess.Popen([PROGRAM, "-c", file], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(500):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.01)
        raise AssertionError("mosquitto does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def broker(folder: Path, settings: str = "allow_anonymous true\n") -> Iterator[Broker]:
    found = Broker(folder, settings)
    found.start()
    try:
        yield found
    finally:
        found.stop()


class Listener:
    """Notes every message: (topic, payload, whether it was retained when this one came)."""

    def __init__(self, port: int, **login: str) -> None:
        self.got: list[tuple[str, bytes, bool]] = []
        self._there = threading.Event()
        self._client: Any = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if login:
            self._client.username_pw_set(**login)
        self._client.on_message = lambda client, data, m: self.got.append((m.topic, m.payload, bool(m.retain)))
        self._client.on_connect = lambda client, *rest: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *rest: self._there.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._there.wait(10)

    def topics(self) -> list[str]:
        return [topic for topic, _, _ in self.got]

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in self.got if name == topic]

    def objects(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads(topic)]

    def retained(self) -> dict[str, bytes]:
        return {topic: payload for topic, payload, retained in self.got if retained}

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hang_up(self._client)
