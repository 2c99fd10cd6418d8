"""Discovery payloads by the schema of Home Assistant's MQTT integration.

KEYS is what its schemas (those of core 2025.4, which took these payloads as they are) know of what is used here: what
an entity must have, and what it may have. Keys that are not known are refused by it where they are written by hand, and
left out without a word where they are discovered: both are faults here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokerkit import Broker, Listener, broker
from notifykit import opened, output_of, until
from test_mqtt import hit

from streamer.config.models import RunConfig
from streamer.notify.message import Message
from streamer.notify.topics import Publication, Topics
from streamer.sink.events import StreamOpened
from streamer.source.source import StreamInfo

COMMON = {"platform", "unique_id", "name", "icon", "json_attributes_topic", "value_template"}
KEYS: dict[str, tuple[set[str], set[str]]] = {  # of each platform: needed; possible beside COMMON
    "event": ({"event_types", "state_topic"}, {"device_class"}),
    "sensor": ({"state_topic"}, {"device_class", "force_update", "expire_after", "unit_of_measurement"}),
    "binary_sensor": ({"state_topic"}, {"device_class", "payload_on", "payload_off", "off_delay", "force_update"}),
    "image": ({"image_topic"}, {"content_type"}),
}
DEVICE = {"device", "origin", "components", "availability", "availability_mode", "qos"}
TOPIC = re.compile(r"homeassistant/device/[a-zA-Z0-9_-]+/config")
SETTINGS = "{type: mqtt, url: mqtt://h, crop: true, send: [final, hits], home_assistant: true}"


def check(publication: Publication) -> dict[str, Any]:
    """The payload, which Home Assistant takes."""
    assert TOPIC.fullmatch(publication.topic)
    assert publication.retain
    found: dict[str, Any] = json.loads(publication.payload)
    assert set(found) == DEVICE
    assert found["device"]["identifiers"]
    assert found["origin"]["name"]
    assert found["availability_mode"] in ("all", "any", "latest")
    assert all(set(one) == {"topic"} for one in found["availability"])
    ids = [part["unique_id"] for part in found["components"].values()]
    assert len(set(ids)) == len(ids)
    for part in found["components"].values():
        needed, possible = KEYS[part["platform"]]
        assert needed <= set(part) <= needed | possible | COMMON
        topics = [part[key] for key in part if key.endswith("_topic")]
        assert all(topic.startswith("alpr/") and not set("#+\0") & set(topic) for topic in topics)
        assert isinstance(part.get("off_delay", 1), int)
        assert all(isinstance(one, str) for one in part.get("event_types", ()))
    return found


def test_a_camera_is_a_device() -> None:
    camera = Message("camera:x", "Tor süd/1", "camera", {"zones": ["Hof", "Spur 1"], "live": True})
    found = check(Topics(output_of(SETTINGS)).device(camera))
    assert [part["platform"] for part in found["components"].values()] == [
        "event", "sensor", "sensor", "sensor", "event", "image",
    ]  # fmt: skip
    plain = check(Topics(output_of("{type: mqtt, url: mqtt://h, home_assistant: true}")).device(camera))
    assert [part["platform"] for part in plain["components"].values()] == ["event", "sensor", "sensor", "sensor"]


def test_watched_plates_are_off_until_one_is_seen() -> None:
    device, *states = Topics(output_of(SETTINGS)).watched([("B 77/X", "Anna"), ("京A1", "")])
    found = check(device)
    assert [part["name"] for part in found["components"].values()] == ["Anna", "京A1"]
    assert [(one.payload, one.retain) for one in states] == [(b"OFF", True)] * 2
    assert {one.topic for one in states} == {part["state_topic"] for part in found["components"].values()}
    assert Topics(output_of(SETTINGS)).watched([]) == []


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as found:
        yield found


def test_plates_of_lists_are_known_before_one_is_seen(served: Broker, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("plate,name\nB 77/X,Anna\nM 1,\n")
    (tmp_path / "none.txt").write_text("X1\n")
    lists = [{"name": "staff", "file": str(tmp_path / "staff.csv"), "mode": "exact"}]
    lists += [{"name": "others", "file": str(tmp_path / "none.txt"), "kind": "allow", "mode": "exact"}]
    config = RunConfig.model_validate({"watch": lists})
    with Listener(served.port) as listener:
        entry = f"{{type: mqtt, url: '{served.url}', send: [hits], home_assistant: true}}"
        sink = opened(entry, tmp_path, config=config)
        sink.write(StreamOpened("gate", StreamInfo("gate", 320, 180, live=True)))
        until(lambda: "homeassistant/device/alpr_watched/config" in listener.topics())
        sink.write(hit(1))
        until(lambda: [p for _, p, _ in listener.got if p == b"ON"])
        sink.close()
    (device,) = listener.objects("homeassistant/device/alpr_watched/config")
    parts = {part["name"]: part["state_topic"] for part in device["components"].values()}
    assert set(parts) == {"Anna", "M 1"}
    assert listener.payloads(parts["Anna"]) == [b"OFF", b"ON"]
    assert listener.payloads(parts["M 1"]) == [b"OFF"]


def test_the_first_hit_of_a_plate_that_was_not_announced_is_seen(served: Broker, tmp_path: Path) -> None:
    """Home Assistant subscribes to a sensor only once it has made it: after the hit that announces it."""
    entry = f"{{type: mqtt, url: '{served.url}', send: [hits], home_assistant: {{reset_s: 1}}}}"
    with Listener(served.port) as listener:
        sink = opened(entry, tmp_path)
        sink.write(hit(1))
        topic = "alpr/watched/B 77_X_" + hashlib.sha256(b"B 77/X").hexdigest()[:6]
        until(lambda: b"ON" in listener.payloads(topic))
        with Listener(served.port) as late:  # as Home Assistant does then
            until(lambda: late.retained().get(topic) == b"ON")
        until(lambda: b"OFF" in listener.payloads(topic))
        with Listener(served.port) as later:
            until(lambda: later.retained().get(topic) == b"OFF")
        sink.close()


def test_a_new_plate_turns_no_other_one_off() -> None:
    topics = Topics(output_of(SETTINGS))
    device, seen = topics.first_seen([("B 77/X", "Anna"), ("京A1", "")], "京A1")
    assert [part["name"] for part in check(device)["components"].values()] == ["Anna", "京A1"]
    assert (seen.topic, seen.payload, seen.retain, seen.expires_s) == ("alpr/watched/京A1", b"ON", True, 30)
    assert topics.no_longer("京A1") == Publication("alpr/watched/京A1", b"OFF", retain=True)
