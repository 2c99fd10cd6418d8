"""Messages for people through Apprise, whose own JSON service posts to a real server."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from notifykit import Receiver, message, opened, output_of, receiver, row, until

from streamer.errors import ConfigError
from streamer.notify import extras
from streamer.notify.extras import extra
from streamer.notify.makers import target_of
from streamer.notify.message import passage_message
from streamer.notify.target import Unavailable


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as found:
        monkeypatch.setenv("APPRISE_URL", found.url.replace("http://", "json://me:hiddenword@"))
        yield found


def test_a_person_reads_plate_camera_and_time(server: Receiver) -> None:
    target = target_of(output_of("{type: apprise, url: '${APPRISE_URL}', text: '{plate} at {camera}', crop: true}"))
    crop = np.full((12, 32, 3), 90, np.uint8)
    target.send(passage_message(row(1, crop=crop).passage, crop=True))
    body = json.loads(server.requests[0].body)
    assert (body["title"], body["message"]) == ("皖A12345", "皖A12345 at gate")
    (attached,) = body["attachments"]
    assert attached["filename"] == "gate1.jpg"
    assert base64.b64decode(attached["base64"])[:3] == b"\xff\xd8\xff"


def test_what_is_not_taken_waits(server: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers = [(500, {})]
    with pytest.raises(Unavailable, match="did not take it"):
        target_of(output_of("{type: apprise, url: '${APPRISE_URL}'}")).send(message(1))
    assert "hiddenword" not in caplog.text


def test_through_the_outbox(server: Receiver, tmp_path: Path) -> None:
    server.answers = [(500, {}), (200, {})]
    sink = opened("{type: apprise, url: '${APPRISE_URL}', attempts: {first_s: 0.01}}", tmp_path)
    sink.write(row(1))
    until(lambda: len(server.taken) == 1)
    sink.close()


def test_an_address_that_it_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPRISE_URL", "nosuch://hiddenword")
    with pytest.raises(ConfigError, match="apprise: url: is no address that Apprise knows") as told:
        opened("{type: apprise, url: '${APPRISE_URL}'}", tmp_path)
    assert "hiddenword" not in str(told.value)


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(ConfigError, match=r"mqtt: paho is not installed: pip install 'alpr-streamer\[notify\]'"):
        extra("paho.mqtt.client", "mqtt")
    with pytest.raises(ConfigError, match=r"webhook: urllib3 is not installed"):
        target_of(output_of("{type: webhook, url: https://h}"))
