"""What is published over MQTT: topics and payloads of each message, and how Home Assistant finds them.

TOPIC/status                      online, offline (last will)
TOPIC/CAMERA/status               online, offline: whether the camera is connected
TOPIC/CAMERA/passage              each row
TOPIC/CAMERA/provisional          rows that are not final
TOPIC/CAMERA/hit                  each plate on a watchlist
TOPIC/CAMERA/last                 the last row
TOPIC/CAMERA/zones/ZONE/last      the last row in a zone
TOPIC/CAMERA/picture              the plate of the last row, JPEG
TOPIC/watched/PLATE               ON where a watched plate is seen
FRIGATE/tracked_object_update     each row, as Frigate has it

Only states are retained (status, last, picture): an event that is retained would be taken for a new one by whoever
connects later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from streamer.config.notify import MqttOutput
from streamer.notify.dialects import frigate, own
from streamer.notify.message import Message

_LEVEL = re.compile(r"[/+#\0$]")
_ASCII = re.compile(r"[^A-Za-z0-9_-]")
_EVENT = "passage"


@dataclass(frozen=True)
class Publication:
    """`expires_s`: after which a broker that knows of it (MQTT 5) retains it no more."""

    topic: str
    payload: bytes
    retain: bool = False
    expires_s: int | None = None


def level(name: str) -> str:
    """A name as one level of a topic. What is changed for that gets a hash, so that no two names share a topic."""
    return _marked(_LEVEL.sub("_", name), name)


def slug(name: str) -> str:
    """A name as ids of Home Assistant may be."""
    return _marked(_ASCII.sub("_", name), name)


def _marked(changed: str, name: str) -> str:
    if changed == name and name:
        return name
    return f"{changed}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


class Topics:
    """The topics of one target."""

    def __init__(self, output: MqttOutput) -> None:
        self._output, self._home = output, output.home_assistant
        self.status = f"{output.topic}/status"

    def of_message(self, message: Message) -> Iterator[Publication]:
        """What a message is told by."""
        here = f"{self._output.topic}/{level(message.camera)}"
        match message.kind:
            case "camera":
                if not message.body.get("live"):
                    yield Publication(f"{here}/status", b"online", retain=True)
                if self._home is not None:
                    yield self.device(message)
            case "health":
                yield Publication(f"{here}/status", b"online" if message.body["up"] else b"offline", retain=True)
            case "passage":
                yield from self._passage(message, here)
            case "hit":
                yield Publication(f"{here}/hit", _json({"event_type": "hit", **own(message)}))
                if message.body["status"] != "withdrawn":
                    plate = message.body["hit"]["plate"]
                    if plate:
                        yield Publication(self._watched(plate), b"ON")
                    yield from self._frigate(message)

    def _passage(self, message: Message, here: str) -> Iterator[Publication]:
        row = own(message)
        if message.body["status"] != "final":
            yield Publication(f"{here}/provisional", _json(row))
            return
        # States first: an automation on the event finds them.
        yield Publication(f"{here}/last", _json(row), retain=True)
        if zone := message.body.get("zone"):
            yield Publication(f"{here}/zones/{level(zone)}/last", _json(row), retain=True)
        if message.crop is not None and self._output.crop:
            yield Publication(f"{here}/picture", message.crop, retain=True)
        yield Publication(f"{here}/passage", _json({"event_type": _EVENT, **row}))
        yield from self._frigate(message)

    def _frigate(self, message: Message) -> Iterator[Publication]:
        if self._output.frigate is not None:
            yield Publication(f"{self._output.frigate}/tracked_object_update", _json(frigate(message)))

    def device(self, message: Message) -> Publication:
        """A camera as a device of Home Assistant. Its event fires for each row, also of the same plate."""
        camera, zones = message.camera, message.body.get("zones", ())
        base, here = f"{self._output.topic}_{camera}", f"{self._output.topic}/{level(camera)}"
        unique = slug(base)
        parts: dict[str, Any] = {
            "passage": {
                "platform": "event", "name": "Passage", "event_types": [_EVENT], "state_topic": f"{here}/passage",
                "icon": "mdi:car",
            },
            "last_plate": _sensor("Last plate", f"{here}/last"),
        }  # fmt: skip
        for zone in zones:
            parts[f"last_plate_{slug(zone)}"] = _sensor(f"Last plate in {zone}", f"{here}/zones/{level(zone)}/last")
        if "hits" in self._output.send:
            parts["hit"] = {
                "platform": "event", "name": "Watchlist", "event_types": ["hit"], "state_topic": f"{here}/hit",
                "icon": "mdi:car-search",
            }  # fmt: skip
        if self._output.crop:
            parts["picture"] = {
                "platform": "image", "name": "Plate", "image_topic": f"{here}/picture", "content_type": "image/jpeg",
            }  # fmt: skip
        return self._discovery(unique, camera, parts, [self.status, f"{here}/status"])

    def watched(self, plates: Sequence[tuple[str, str]]) -> list[Publication]:
        """The watched plates, each with its name, as one device: a sensor that is on for a while where one is seen.
        Each is off at first, also for who asks later."""
        off = [self.no_longer(plate) for plate, _ in plates]
        return [self._watched_device(plates), *off] if plates else []

    def first_seen(self, plates: Sequence[tuple[str, str]], plate: str) -> list[Publication]:
        """The watched plates with one that was not among them until it was seen now. That it is on is retained: Home
        Assistant asks for it once it has made the sensor. `no_longer` takes it back."""
        assert self._home is not None
        seen = Publication(self._watched(plate), b"ON", retain=True, expires_s=self._home.reset_s)
        return [self._watched_device(plates), seen]

    def no_longer(self, plate: str) -> Publication:
        """A plate that is not in sight."""
        return Publication(self._watched(plate), b"OFF", retain=True)

    def _watched_device(self, plates: Sequence[tuple[str, str]]) -> Publication:
        assert self._home is not None
        parts = {
            slug(plate): {
                "platform": "binary_sensor", "name": name or plate, "state_topic": self._watched(plate),
                "payload_on": "ON", "off_delay": self._home.reset_s, "icon": "mdi:car-search",
            }
            for plate, name in plates
        }  # fmt: skip
        unique = slug(f"{self._output.topic}_watched")
        return self._discovery(unique, "Watched plates", parts, [self.status])

    def _watched(self, plate: str) -> str:
        return f"{self._output.topic}/watched/{level(plate)}"

    def _discovery(self, unique: str, name: str, parts: dict[str, Any], available: list[str]) -> Publication:
        assert self._home is not None
        payload = {
            "device": {"identifiers": [unique], "name": name, "manufacturer": "alpr-streamer", "model": "Plate reader"},
            "origin": {"name": "alpr-streamer"},
            "components": {key: {**part, "unique_id": f"{unique}_{key}"} for key, part in parts.items()},
            "availability": [{"topic": topic} for topic in available],
            "availability_mode": "all",
            "qos": 1,
        }
        return Publication(f"{self._home.prefix}/device/{unique}/config", _json(payload), retain=True)


def _sensor(name: str, topic: str) -> dict[str, Any]:
    return {
        "platform": "sensor", "name": name, "state_topic": topic, "value_template": "{{ value_json.plate }}",
        "json_attributes_topic": topic, "icon": "mdi:car-back",
    }  # fmt: skip


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
