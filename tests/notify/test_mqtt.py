"""MQTT before a real broker."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from brokerkit import PROGRAM, Broker, Listener, broker, check_installed
from notifykit import message, opened, output_of, row, self_signed, until

from streamer.config.models import RunConfig
from streamer.errors import ConfigError
from streamer.notify.makers import target_of
from streamer.notify.mqtt import hang_up
from streamer.notify.outbox import Outbox
from streamer.notify.target import Refused, Unavailable
from streamer.sink.events import HealthChanged, PassageProvisional, StreamOpened, WatchHit
from streamer.source.source import StreamInfo
from streamer.types import WatchMatch

QUICK = "attempts: {timeout_s: 20, first_s: 0.05, most_s: 0.1, drain_s: 2}"
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as found:
        yield found


def test_a_row_is_an_event_and_the_last_state(served: Broker, tmp_path: Path) -> None:
    config = RunConfig.model_validate(
        {"zones": {"yard": {"polygon": SQUARE}, "sky": {"polygon": SQUARE, "use": "ignore"}}}
    )
    entry = f"{{type: mqtt, url: '{served.url}', frigate: frigate, crop: true, home_assistant: true, {QUICK}}}"
    with Listener(served.port) as listener:
        sink = opened(entry, tmp_path, config=config)
        sink.write(StreamOpened("gate", StreamInfo("gate", 320, 180, live=True)))
        sink.write(HealthChanged("gate", True))
        crop = np.full((12, 32, 3), 90, np.uint8)
        seen = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        for number in (1, 2):  # the same plate twice: two events
            sink.write(row(number, zone="yard", crop=crop, first_seen=seen, confidence=0.9))
        until(lambda: len(listener.payloads("alpr/gate/passage")) == 2)
        sink.close()
        until(lambda: b"offline" in listener.payloads("alpr/status"))
        assert [one["event_type"] for one in listener.objects("alpr/gate/passage")] == ["passage", "passage"]
        assert [one["id"] for one in listener.objects("alpr/gate/passage")] == ["gate1.final", "gate2.final"]
        assert listener.objects("frigate/tracked_object_update")[0] == {
            "type": "lpr", "name": None, "plate": "皖A12345", "score": 0.9, "id": "gate1", "camera": "gate",
            "timestamp": seen.timestamp(), "plate_box": [1, 2, 30, 12],
        }  # fmt: skip
        order = listener.topics()
        assert order[:2] == ["alpr/status", "homeassistant/device/alpr_gate/config"]
        assert order.index("alpr/gate/last") < order.index("alpr/gate/passage")
    with Listener(served.port) as late:
        until(lambda: "alpr/gate/zones/yard/last" in late.topics() and "alpr/status" in late.topics())
        kept = late.retained()
        # States alone: an event that is retained would be taken for a new one.
        assert set(kept) == {
            "alpr/status", "alpr/gate/status", "alpr/gate/last", "alpr/gate/zones/yard/last", "alpr/gate/picture",
            "homeassistant/device/alpr_gate/config",
        }  # fmt: skip
        assert kept["alpr/gate/picture"][:3] == b"\xff\xd8\xff"
        assert (kept["alpr/status"], kept["alpr/gate/status"]) == (b"offline", b"online")


def hit(number: int, revision: int = 1, **more: Any) -> WatchHit:
    match = WatchMatch(list="staff", kind="watch", plate="B 77/X", mode="exact", name="Anna")
    return WatchHit("gate", match, row(number).passage, revision=revision, **more)


def test_a_watched_plate_is_on_once_home_assistant_knows_it(served: Broker, tmp_path: Path) -> None:
    entry = f"{{type: mqtt, url: '{served.url}', send: [hits], home_assistant: {{reset_s: 5}}, frigate: f, {QUICK}}}"
    with Listener(served.port) as listener:
        sink = opened(entry, tmp_path)
        for event in (hit(1), hit(1, 2), row(3), PassageProvisional("gate", row(3).passage), hit(2)):
            if sink.wants.matches(event):
                sink.write(event)
        until(lambda: len(listener.payloads("alpr/gate/hit")) == 2)
        sink.close()
        assert [one["hit"]["name"] for one in listener.objects("alpr/gate/hit")] == ["Anna", "Anna"]
        assert "alpr/gate/passage" not in listener.topics()
        assert listener.objects("f/tracked_object_update")[0]["name"] == "Anna"
        (device,) = listener.objects("homeassistant/device/alpr_watched/config")
        (part,) = device["components"].values()
        assert (part["platform"], part["off_delay"], part["name"]) == ("binary_sensor", 5, "Anna")
        assert listener.payloads(part["state_topic"]) == [b"ON", b"ON", b"ON"]  # the first is retained for a while
        order = listener.topics()
        assert order.index("homeassistant/device/alpr_watched/config") < order.index(part["state_topic"])


def test_a_broker_that_is_away_for_a_while_loses_nothing(
    served: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    served.stop()
    sink = opened(f"{{type: mqtt, name: site, url: '{served.url}', {QUICK}}}", tmp_path)
    sink.write(StreamOpened("gate", StreamInfo("gate", 320, 180, live=True)))
    for number in range(4):
        sink.write(row(number))
    until(lambda: "site: the connection was refused" in caplog.text)
    served.start()
    with Listener(served.port) as listener:
        until(lambda: len(listener.payloads("alpr/gate/passage")) == 4)
        served.stop()  # between two rows
    served.start()
    with Listener(served.port) as listener:
        sink.write(row(4))
        until(lambda: listener.payloads("alpr/gate/passage"))
        assert [one["id"] for one in listener.objects("alpr/gate/passage")] == ["gate4.final"]
        assert b"online" in listener.payloads("alpr/status")  # which the new broker did not know
        sink.close()
    assert Outbox(tmp_path / "mqtt.db").counts().waiting == 0


def test_the_will_tells_of_a_kill(served: Broker, tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[3:]\nfrom pathlib import Path\nfrom notifykit import opened, row\n"
        "sink = opened(\"{type: mqtt, url: '%s'}\" % sys.argv[1], Path(sys.argv[2])); sink.write(row(1))\n"
        "sys.stdin.read()\n"
    )
    with Listener(served.port) as listener:
        command = [sys.executable, "-c", script, served.url, str(tmp_path), *sys.path]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        until(lambda: listener.payloads("alpr/gate/passage"))
        assert listener.payloads("alpr/status") == [b"online"]
        process.kill()
        process.wait()
        until(lambda: listener.payloads("alpr/status") == [b"online", b"offline"])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A broker with a user, who may publish below alpr alone."""
    check_installed()
    assert PROGRAM is not None
    users, rules = tmp_path / "users", tmp_path / "rules"
    users.write_text("")
    tool = str(Path(PROGRAM).with_name("mosquitto_passwd"))
    tool = tool if os.path.exists(tool) else "mosquitto_passwd"
    subprocess.run([tool, "-b", str(users), "me", "secret-word"], check=True, capture_output=True)
    rules.write_text("user me\ntopic readwrite alpr/#\n")
    for file in (users, rules):
        file.chmod(0o644)
    with broker(tmp_path, f"allow_anonymous false\npassword_file {users}\nacl_file {rules}\nuser root\n") as found:
        yield found


def test_a_refusal_is_told(guarded: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "secret-word")
    entry = "{{type: mqtt, url: '{}', username: me, password: '${{MQTT_PASSWORD}}', topic: {}, {}}}"
    good = target_of(output_of(entry.format(guarded.url, "alpr", QUICK)))
    good.send(message(1))
    good.close()
    with pytest.raises((Refused, Unavailable), match=r"[Nn]ot authorized"):  # MQTT 5 says so
        target_of(output_of(entry.format(guarded.url, "other", QUICK))).send(message(1))
    monkeypatch.setenv("MQTT_PASSWORD", "wrong")
    with pytest.raises(
        Unavailable, match=r"refuses the connection: (Not authorized|Bad user name or password)"
    ) as told:
        target_of(output_of(entry.format(guarded.url, "alpr", QUICK))).send(message(1))
    assert "wrong" not in str(told.value)


def test_the_older_protocol_works(served: Broker) -> None:
    target = target_of(output_of(f"{{type: mqtt, url: '{served.url}', protocol: '3.1.1', {QUICK}}}"))
    with Listener(served.port) as listener:
        target.send(message(1))
        target.idle()
        target.close()
        until(lambda: listener.payloads("alpr/gate/passage"))


def test_one_that_never_answers(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        target = target_of(output_of(f"{{type: mqtt, url: 'mqtt://127.0.0.1:{port}', attempts: {{timeout_s: 0.3}}}}"))
        with pytest.raises(Unavailable, match=r"the broker does not answer in 0\.3 s"):
            target.send(message(1))
    with pytest.raises(Unavailable, match="no connection"):
        target_of(output_of("{type: mqtt, url: 'mqtt://no-such-host.invalid'}")).send(message(1))


def test_certificates_are_verified(tmp_path: Path) -> None:
    key, certificate = self_signed(tmp_path)
    key.chmod(0o644)
    with broker(tmp_path, f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}\nuser root\n") as found:
        url = found.url.replace("mqtt:", "mqtts:")
        with pytest.raises(Unavailable, match=r"certificate is not trusted \(ca_file\)"):
            target_of(output_of(f"{{type: mqtt, url: '{url}', {QUICK}}}")).send(message(1))
        target = target_of(output_of(f"{{type: mqtt, url: '{url}', ca_file: {certificate}, {QUICK}}}"))
        target.send(message(1))
        target.close()
    with pytest.raises(ConfigError, match=r"mqtt: ca_file, cert_file: cannot be used"):
        target_of(output_of(f"{{type: mqtt, url: mqtts://h, ca_file: {tmp_path / 'mosquitto.conf'}}}"))


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_a_thread_of_paho_that_ends_meanwhile_is_no_fault(looks: int) -> None:
    """paho forgets its thread when that ends: here after so many looks of the one who waits for it."""
    ended = threading.Thread()
    ended.start()

    class Client(paho.Client):
        left = 0

        @property
        def _thread(self) -> threading.Thread | None:
            self.left -= 1
            return ended if self.left >= 0 else None

        @_thread.setter
        def _thread(self, thread: threading.Thread | None) -> None:
            pass

    client = Client(paho.CallbackAPIVersion.VERSION2)
    client.left = looks
    hang_up(client)
    assert not client.is_connected()
