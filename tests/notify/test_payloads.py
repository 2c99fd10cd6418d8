"""Payloads in the shapes of other programs, filters, names and settings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from notifykit import message, output_of, row
from streamkit import passage_of

from streamer.config.models import load_config
from streamer.errors import ConfigError
from streamer.notify.dialects import frigate, own, platerecognizer, text_fields
from streamer.notify.filters import Filter
from streamer.notify.message import Message, message_of, passage_message
from streamer.notify.places import network_file_system, state_folder, target_name
from streamer.notify.topics import Topics, level, slug
from streamer.sink.events import PassageProvisional, PassageWithdrawn, StreamClosed, WatchHit
from streamer.types import Kind, WatchMatch

SEEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone(timedelta(hours=8)))
ANNA = WatchMatch(list="staff", kind="watch", plate="B77", mode="exact", name="Anna")


def test_keys_tell_revisions_apart() -> None:
    passage = passage_of(event_id="e")
    events = [
        PassageProvisional("gate", passage, 1), PassageProvisional("gate", passage, 2),
        PassageWithdrawn("gate", passage, 3), row(1), WatchHit("gate", ANNA, passage),
        WatchHit("gate", ANNA, passage, revision=2),
        WatchHit("gate", WatchMatch("a list", "allow", "", "exact"), passage),
    ]  # fmt: skip
    messages = [message_of(event) for event in events]
    keys = [one.key for one in messages if one is not None]
    assert keys[:4] == ["e.1", "e.2", "e.3-withdrawn", "gate1.final"]
    assert len(set(keys)) == len(events)
    assert all(key.isascii() and " " not in key for key in keys)  # they go into headers
    assert message_of(StreamClosed("gate")) is None


def test_own_shape_is_the_row_with_its_id() -> None:
    body = own(passage_message(passage_of(event_id="e", source="rtsp://camera/x")))
    assert (body["type"], body["id"], body["revision"], body["status"]) == ("passage", "e.final", "final", "final")
    assert "rtsp" not in json.dumps(body)
    hit = message_of(WatchHit("gate", ANNA, passage_of(event_id="e"), "provisional"))
    assert hit is not None
    body = own(hit)
    assert (body["type"], body["hit"]["name"], body["status"]) == ("watch_hit", "Anna", "provisional")


def test_plate_recognizers_shape() -> None:
    passage = passage_of(
        event_id="e", plate="京A12345", first_seen=SEEN, alternatives=(("京A12346", 0.25),), source="clip.mp4",
        kind=Kind("blue", 1, "china"), confidence=0.98765,
    )  # fmt: skip
    found = platerecognizer(Message("e.final", "gate", "passage", passage_message(passage).body, b"jpeg"))
    assert found["hook"] == {"target": "", "id": "gate", "event": "recognition", "filename": "e.jpg"}
    data = found["data"]
    assert (data["camera_id"], data["timestamp"]) == ("gate", "2026-01-01T19:04:05.678000Z")
    assert data["timestamp_local"] == "2026-01-02 03:04:05.678000+08:00"
    assert data["results"] == [{
        "box": {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 12}, "plate": "京a12345", "score": 0.988, "dscore": 0.912,
        "region": {"code": "cn", "score": 0.6}, "source_url": "clip.mp4", "position_sec": 0.12, "direction": 28,
        "candidates": [{"score": 0.988, "plate": "京a12345"}, {"score": 0.25, "plate": "京a12346"}],
    }]  # fmt: skip
    assert platerecognizer(message(1))["data"]["timestamp"] == ""


def test_frigates_shape() -> None:
    found = frigate(message_of(WatchHit("gate", ANNA, passage_of(event_id="e", first_seen=SEEN))))  # type: ignore[arg-type]
    assert (found["type"], found["name"], found["plate"], found["timestamp"]) == (
        "lpr", "Anna", "皖A12345", SEEN.timestamp(),
    )  # fmt: skip
    assert frigate(message(1))["name"] is None


def test_texts_name_what_people_want() -> None:
    fields = text_fields(message(1, first_seen=SEEN, confidence=0.987))
    assert "{plate} at {camera}, {time} ({confidence})".format(**fields) == (
        "皖A12345 at gate, 2026-01-02 03:04:05 (99%)"
    )
    assert text_fields(message(1))["time"] == "0.1 s"


def passes(settings: str, one: Message, now: datetime | None = None) -> bool:
    output = output_of(f"{{type: webhook, url: https://h, {settings}}}")
    return Filter(output, lambda: now or SEEN).passes(one)


def hit(revision: int = 1, status: Any = "final") -> Message:
    found = message_of(WatchHit("gate", ANNA, passage_of(event_id="e"), status, revision))
    assert found is not None
    return found


def provisional(revision: int = 1) -> Message:
    return passage_message(passage_of(event_id="e", confidence=0.5), "provisional", revision)


@pytest.mark.parametrize(
    ("settings", "one", "expected"),
    [
        ("crop: false", message(1), True),
        ("crop: false", provisional(), False),
        ("crop: false", hit(), False),
        ("send: [provisional]", provisional(), True),
        ("send: [provisional]", message(1), False),
        ("send: [hits]", hit(), True),
        ("send: [hits]", hit(2), False),
        ("send: [hits, provisional]", hit(2), True),
        ("send: [hits], filter: {lists: [staff]}", hit(), True),
        ("send: [hits], filter: {lists: [stolen]}", hit(), False),
        ("filter: {cameras: [gate]}", message(1), True),
        ("filter: {cameras: [gate]}", message(1, "yard"), False),
        ("filter: {zones: [lane]}", message(1), True),
        ("filter: {zones: [yard]}", message(1), False),
        ("filter: {min_confidence: 0.99}", message(1), False),
        ("filter: {min_confidence: 0.9}", message(1), True),
        ("send: [provisional], filter: {min_confidence: 0.9}", provisional(), False),
        # The end of what was told is told.
        ("send: [provisional], filter: {min_confidence: 0.9}",
         passage_message(passage_of(event_id="e", confidence=0.5), "withdrawn", 2), True),
        ("filter: {cameras: [gate]}", Message("health:yard", "yard", "health", {"up": True}), False),
    ],
)  # fmt: skip
def test_filters(settings: str, one: Message, expected: bool) -> None:
    assert passes(settings, one) is expected


@pytest.mark.parametrize(
    ("hour", "day", "expected"),
    [(21, 5, False), (22, 5, True), (23, 9, True), (5, 10, True), (6, 6, False), (5, 5, False), (23, 10, False)],
)
def test_hours_go_over_midnight_and_belong_to_the_day_they_begin_on(hour: int, day: int, expected: bool) -> None:
    """5 January 2026 is a Monday."""
    schedule = "filter: {schedule: [{days: [mon, tue, wed, thu, fri], start: '22:00', end: '6:00'}], time_zone: UTC}"
    when = datetime(2026, 1, day, hour, 30, tzinfo=UTC)
    assert passes(schedule, message(1), when) is expected  # of this machine's clock
    assert passes(schedule, message(1, first_seen=when.astimezone(SEEN.tzinfo)), SEEN) is expected


def test_a_schedule_knows_summer_time() -> None:
    schedule = "filter: {schedule: [{start: '08:00', end: '09:00'}], time_zone: Europe/Berlin}"
    assert passes(schedule, message(1), datetime(2026, 7, 1, 6, 30, tzinfo=UTC))
    assert not passes(schedule, message(1), datetime(2026, 1, 1, 6, 30, tzinfo=UTC))
    assert passes(
        "filter: {schedule: [{start: '08:00'}], time_zone: UTC}", message(1), datetime(2026, 1, 1, 23, 59, tzinfo=UTC)
    )


def test_names_of_cameras_make_no_other_topics() -> None:
    names = ["gate", "a/b", "a+b", "a_b", "#", "tor süd", "$SYS", ""]
    assert level("gate") == "gate"
    assert level("tor süd") == "tor süd"
    assert len({level(name) for name in names}) == len(names)
    assert not any(set("/+#$") & set(level(name)) for name in names)
    assert all(slug(name).replace("_", "a").replace("-", "a").isalnum() and slug(name).isascii() for name in names)
    assert len({slug(name) for name in names}) == len(names)


def test_targets_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def name(text: str) -> str:
        return target_name(output_of(text))

    monkeypatch.setenv("KEY", "tgram://123:verysecret/1")
    names = [
        name("{type: webhook, url: https://example.com/a}"), name("{type: webhook, url: https://example.com/b}"),
        name("{type: webhook, url: https://example.com/a, dialect: frigate}"), name("{type: mqtt, url: mqtt://broker}"),
        name("{type: mqtt, url: mqtt://broker, topic: other}"), name("{type: apprise, url: '${KEY}'}"),
    ]  # fmt: skip
    assert len(set(names)) == len(names)
    assert names[0].startswith("webhook-example.com-")
    assert names[3].startswith("mqtt-broker-")
    assert "secret" not in names[-1]
    assert name("{type: webhook, url: https://example.com/a, name: gate}") == "gate"
    monkeypatch.setenv("ALPR_STATE", str(tmp_path))
    assert state_folder() == tmp_path / "outbox"
    monkeypatch.delenv("ALPR_STATE")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/alpr/site:/x")
    assert state_folder() == Path("/var/lib/alpr/site/outbox")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    assert state_folder() == Path("/home/me/state/alpr/outbox")
    assert network_file_system(tmp_path / "none" / "x") == ""


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{type: webhook}", r"outputs\.0\.url: is missing"),
        ("{type: webhook, url: ftp://h}", r"outputs\.0\.url: expected https://HOST \(got ftp\)"),
        ("{type: webhook, url: 'https://h:x/'}", r"outputs\.0\.url: expected https://HOST"),
        ("{type: webhook, url: 'https://me:pw12@h/'}", r"outputs\.0\.url: a password stands in no file of settings"),
        ("{type: webhook, url: https://h, secret: whsec_abcd}", r"outputs\.0\.secret: a secret stands in no file"),
        ("{type: webhook, url: https://h, headers: {Authorization: x}}", r"headers\.Authorization: a secret stands in"),
        ("{type: webhook, url: https://h, headers: {Host: x}}", r"headers\.Host: expected the name of a header"),
        ("{type: webhook, url: https://h, name: 'a/b'}", r"outputs\.0\.name: expected letters, digits"),
        ("{type: webhook, url: https://h, send: [row]}", r"outputs\.0\.send\.0: input should be 'final'"),
        ("{type: webhook, url: https://h, send: []}", r"outputs\.0\.send: "),
        ("{type: webhook, url: https://h, filter: {time_zone: Berlin}}", r"filter\.time_zone: unknown time zone"),
        ("{type: webhook, url: https://h, filter: {schedule: [{start: 25:00}]}}", r"0\.start: expected a time"),
        ("{type: webhook, url: https://h, attempts: {most_s: 0.1}}", r"most_s: expected first_s \(1\) or more"),
        ("{type: webhook, url: https://h, retries: 5}", r"outputs\.0\.retries: unknown key"),
        ("{type: mqtt, url: http://h}", r"outputs\.0\.url: expected mqtts://HOST \(got http\)"),
        ("{type: mqtt, url: mqtt://h/topic}", r"outputs\.0\.url: expected mqtt://HOST:PORT alone"),
        ("{type: mqtt, url: mqtt://h, password: abcd}", r"outputs\.0\.password: a secret stands in no file"),
        ("{type: mqtt, url: mqtt://h, topic: 'a/#'}", r"outputs\.0\.topic: expected a topic without #"),
        ("{type: mqtt, url: mqtt://h, key_file: a}", r"outputs\.0\.key_file: cert_file and key_file belong together"),
        ("{type: mqtt, url: mqtt://h, home_assistant: {reset_s: 0}}", r"home_assistant\.reset_s: "),
        ("{type: apprise, url: tgram://token/1}", r"outputs\.0\.url: addresses of Apprise hold secrets"),
        ("{type: apprise, url: '${A}', text: '{plat}'}", r"outputs\.0\.text: expected a text with fields of \{plate\}"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line(tmp_path: Path, entry: str, told: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"outputs:\n  - {entry}\n")
    with pytest.raises(ConfigError, match=rf"c\.yaml:2: .*{told}") as error:
        load_config(path)
    assert "pw12" not in str(error.value)
    assert "abcd" not in str(error.value)


def test_home_assistant_may_be_a_switch() -> None:
    assert output_of("{type: mqtt, url: mqtt://h, home_assistant: true}").home_assistant.prefix == "homeassistant"
    assert output_of("{type: mqtt, url: mqtt://h, home_assistant: false}").home_assistant is None
    assert output_of("{type: mqtt, url: mqtt://h}").home_assistant is None


def test_a_recording_is_no_camera_that_is_away() -> None:
    output = output_of("{type: mqtt, url: mqtt://h}")
    found = list(Topics(output).of_message(Message("camera:a", "a", "camera", {"live": False, "zones": []})))
    assert [(one.topic, one.payload) for one in found] == [("alpr/a/status", b"online")]
