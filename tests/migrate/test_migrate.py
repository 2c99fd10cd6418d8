"""Configurations of other programs: what is taken over, what is said of the rest, and that the result is valid."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.cli import cli
from streamer.cli.migrate import _quoted
from streamer.config.models import RunConfig, load_config
from streamer.config.outputs import TYPES
from streamer.errors import ConfigError, InputError
from streamer.migrate import frigate, openalpr, platerecognizer
from streamer.migrate.draft import Draft
from streamer.migrate.ini import parsed

CONFIG_INI = """\
timezone = Europe/Berlin
[cameras]
  # regions = fr, gb
  regions = de, us-ca, zz
  sample = 2
  image_format = $(camera)_screenshots/%y-%m-%d/%H-%M-%S.%f.jpg
  memory_decay = 120
  [[gate]]
    active = yes
    url = rtsp://admin:p@ss#1@192.0.2.10:554/stream1   # front
    name = Front gate
    csv_file = $(camera)_%y-%m-%d.csv
    webhook_targets = https://hooks.example/a, https://hooks.example/b
  [[yard]]
    url = "rtsp://192.0.2.11/stream1"
    regions = at
    mmc = true
    jsonlines_file = rows/$(camera).jsonl
    frobnicate = 3
  [[old]]
    active = no
    url = rtsp://192.0.2.12/
"""

CONFIG_YML = """\
mqtt:
  host: broker.example
  user: cams
  password: "{FRIGATE_MQTT_PASSWORD}"
detectors:
  ov: {type: openvino}
lpr:
  enabled: true
  min_area: 1000
  recognition_threshold: 0.9
  known_plates:
    My car: [AB-123, "AB12[34]"]
    Neighbour: XY999
cameras:
  drive:
    ffmpeg:
      inputs:
        - path: rtsp://viewer:{FRIGATE_RTSP_PASSWORD}@192.0.2.20/sub
          roles: [detect]
        - path: rtsp://viewer:secret@192.0.2.20/main
          roles: [record]
    detect: {width: 1280, height: 720}
    motion: {mask: "0,0,100,0,100,100"}
    objects:
      mask: 0,0,640,0,640,360
    zones:
      street: {coordinates: "0.1,0.5,0.9,0.5,0.9,1,0.1,1"}
  garden:
    enabled: false
    ffmpeg: {inputs: [{path: "rtsp://192.0.2.21/", roles: [detect]}]}
  audio_only:
    ffmpeg: {inputs: []}
"""

ALPRD_CONF = """\
[daemon]
; country determines the training
country = us
site_id = lot-7
stream = http://127.0.0.1/one.mjpeg
stream = rtsp://op:pw@192.0.2.30/live
stream = webcam
analysis_threads = 4
topn = 5
store_plates = 1
store_plates_location = data/output/
upload_data = 1
upload_address = localhost:8081/plates
debug_ocr = 0
odd_key = 1
"""


def loaded(draft: Draft, tmp_path: Path) -> RunConfig:
    path = tmp_path / "ours.yaml"
    path.write_text(draft.text(), encoding="utf-8")
    return load_config(path)


def told(draft: Draft) -> str:
    return "\n".join(f"{note.line} {note.key}: {note.told}" for note in draft.notes)


def test_plate_recognizer(tmp_path: Path) -> None:
    draft = platerecognizer.convert(CONFIG_INI, "config.ini")
    config = loaded(draft, tmp_path)
    assert list(config.cameras) == ["gate", "yard"]
    gate, yard = config.cameras.values()
    assert gate.url == "rtsp://admin:${GATE_PASSWORD}@192.0.2.10:554/stream1"
    assert draft.secrets == {"GATE_PASSWORD": "p@ss#1"}
    assert (gate.countries, yard.countries) == (("DE", "US"), ("AT",))
    assert gate.vote.rejoin_s == 120
    assert [(o.type, getattr(o, "path", "")) for o in gate.outputs[:2]] == [
        ("platerecognizer", "{camera}_{date}.csv"),
        ("snapshots", "{camera}_screenshots/{date}/{event_id}.jpg"),
    ]
    assert yard.outputs[0].type == "jsonl"
    assert getattr(yard.outputs[0], "path", "") == "rows/{camera}.jsonl"
    notes = told(draft)
    for line in (
        "1 timezone:", "4 cameras.regions: us-ca: US; formats of states", "4 cameras.regions: zz: no country",
        "5 cameras.sample: every frame", "11 cameras.gate.name: rows call it by its key, gate",
        "19 cameras.yard.frobnicate: unknown", "cameras.old.active: not active", "cameras.yard.mmc:",
    ):  # fmt: skip
        assert line in notes
    webhooks = [o for o in gate.outputs if o.type == "webhook"]
    assert len(webhooks) == 2 if "webhook" in TYPES else "cameras.gate.webhook_target: there is no such" in notes


def test_frigate(tmp_path: Path) -> None:
    draft = frigate.convert(CONFIG_YML, "config.yml")
    config = loaded(draft, tmp_path)
    (drive,) = config.cameras.values()
    assert drive.url == "rtsp://viewer:${DRIVE_PASSWORD}@192.0.2.20/main"  # the larger stream
    assert draft.secrets["DRIVE_PASSWORD"] == "secret"
    assert config.read.min_height == 14.9
    assert drive.zones["mask-1"].use == "ignore"
    assert drive.zones["mask-1"].polygon == ((0, 0), (0.5, 0), (0.5, 0.5))
    assert list(drive.zones) == ["mask-1"]
    assert "    #   street: {polygon: [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0], [0.1, 1.0]]}" in draft.text()
    assert draft.plates == [("AB-123", "My car"), ("XY999", "Neighbour")]
    notes = told(draft)
    for line in (
        "lpr.known_plates.My car: AB12[34]: a regular expression", "lpr.recognition_threshold: vote.min_confidence",
        "cameras.garden.enabled: not enabled", "cameras.audio_only.ffmpeg.inputs: no path", "detectors: stay with",
        "cameras.drive.motion.mask:", "cameras.drive.zones: name places there", "cameras.drive.ffmpeg.inputs: the",
    ):  # fmt: skip
        assert line in notes
    assert ("0 mqtt: there is no such output" in notes) == ("mqtt" not in TYPES)


def test_openalpr(tmp_path: Path) -> None:
    draft = openalpr.convert(ALPRD_CONF, "alprd.conf")
    config = loaded(draft, tmp_path)
    assert {name: camera.url for name, camera in config.cameras.items()} == {
        "camera-1": "http://127.0.0.1/one.mjpeg",
        "camera-2": "rtsp://op:${CAMERA_2_PASSWORD}@192.0.2.30/live",
        "camera-3": "/dev/video0",
    }
    assert (config.countries, config.threads) == (("US",), 4)
    assert [(o.type, getattr(o, "path", "")) for o in config.outputs[:2]] == [
        ("csv", "plates.csv"),
        ("snapshots", "data/output/{camera}-{event_id}.jpg"),
    ]
    notes = told(draft)
    for line in (
        "4 site_id: rows have", "topn:", "14 debug_ocr: is for its own", "15 odd_key: unknown", "7 stream: webcam",
        "upload_address:",
    ):  # fmt: skip
        assert line in notes
    assert "country" in told(openalpr.convert(ALPRD_CONF.replace("= us", "= eu"), "alprd.conf"))


@pytest.mark.parametrize(
    ("coordinates", "size", "polygon"),
    [
        ("0,0,1,0,1,1", None, [[0, 0], [1, 0], [1, 1]]),
        (["0.5,0.5", "1,0.5", "1,1"], None, [[0.5, 0.5], [1, 0.5], [1, 1]]),
        ("0,0,100,0,100,200", (200.0, 200.0), [[0, 0], [0.5, 0], [0.5, 1]]),
        ("0,0,100,0,100,200", None, None),
        ("0,0,1,1", None, None),
        ("a,b,c,d,e,f", None, None),
        ("0,0,nan,0,1,1", None, None),
        ("0,0,-1,0,1,1", None, None),
        (7, None, None),
    ],
)
def test_polygons_of_frigate(coordinates: object, size: tuple[float, float] | None, polygon: object) -> None:
    assert frigate._polygon(coordinates, size) == polygon


@pytest.mark.parametrize(
    ("convert", "text", "fault"),
    [
        (platerecognizer.convert, "[other]\n", r"x:? expected a section \[cameras\]"),
        (platerecognizer.convert, "[cameras]\nregions = de\n", r"x:1: \[cameras\] has no camera"),
        (platerecognizer.convert, "[cameras]\n[[[deep]]]\n", "x:2: section 'deep' is nested too deep"),
        (platerecognizer.convert, "[cameras]\nurl rtsp\n", "x:2: expected"),
        (frigate.convert, "cameras: [\n", "x:.*is not valid YAML"),
        (frigate.convert, "- a\n", "x: expected a section cameras"),
        (frigate.convert, "cameras: {}\n", "x: expected a section cameras"),
        (openalpr.convert, "[daemon]\ncountry = us\n", "x: expected lines stream"),
    ],
)
def test_what_is_no_such_file_is_named(convert: object, text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        convert(text, "x")  # type: ignore[operator]


@pytest.mark.parametrize("value", [7, [1], "x", None, {"a": 1}, [None], True])
@pytest.mark.parametrize("key", ["ffmpeg", "zones", "objects", "detect", "lpr", "motion"])
def test_odd_values_in_frigates_file_are_no_crash(key: str, value: object, tmp_path: Path) -> None:
    import yaml

    camera = {"ffmpeg": {"inputs": [{"path": "rtsp://192.0.2.1/", "roles": value}]}, key: value}
    text = yaml.safe_dump({"cameras": {"a": camera}, "lpr": {"known_plates": value}, "mqtt": value, "go2rtc": value})
    draft = frigate.convert(text, "x")
    if draft.cameras:
        loaded(draft, tmp_path)


def test_names_and_passwords_stay_apart(tmp_path: Path) -> None:
    draft = Draft("frigate")
    assert draft.address("a b", "rtsp://u:one@h/") == "rtsp://u:${A_B_PASSWORD}@h/"
    assert draft.address("a-b", "rtsp://u:two@h/") == "rtsp://u:${A_B_PASSWORD_2}@h/"
    assert draft.address("1", "rtsp://u:a%40b@h/x") == "rtsp://u:${C1_PASSWORD}@h/x"
    assert draft.address("c", "rtsp://u:${X}@h/") == "rtsp://u:${X}@h/"
    assert draft.address("d", "rtsp://h/?a:b@c") == "rtsp://h/?a:b@c"
    assert draft.secrets == {"A_B_PASSWORD": "one", "A_B_PASSWORD_2": "two", "C1_PASSWORD": "a@b"}
    assert [draft.add_camera("g", {}).name for _ in range(3)] == ["g", "g-2", "g-3"]


def test_comments_and_quotes_of_ini() -> None:
    root = parsed("\ufeffa = 'x # y' # z\nb = p#q\nc = \n[s] # t\n[[u]]\nd=1\nd=2\n", "f")
    assert {k: [v for _, v in several] for k, several in root.values.items()} == {
        "a": ["x # y"],
        "b": ["p#q"],
        "c": [""],
    }
    assert root.sections[0].name == "s"
    assert root.sections[0].sections[0].values["d"] == [(6, "1"), (7, "2")]


def test_the_command_writes_files_and_no_password(tmp_path: Path) -> None:
    old, new, env, plates = (tmp_path / name for name in ("config.yml", "site.yaml", "site.env", "known.csv"))
    old.write_text(CONFIG_YML, encoding="utf-8")
    arguments = ["migrate", "frigate", str(old), "--to", str(new), "--env", str(env), "--plates", str(plates)]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "secret" not in result.output + new.read_text(encoding="utf-8")
    assert env.read_text(encoding="utf-8") == 'DRIVE_PASSWORD="secret"\n'
    assert env.stat().st_mode & 0o077 == 0
    assert plates.read_text(encoding="utf-8") == "plate,name\nAB-123,My car\nXY999,Neighbour\n"
    with pytest.raises(ConfigError, match="is there already"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_the_command_prints(tmp_path: Path) -> None:
    old = tmp_path / "alprd.conf"
    old.write_text(ALPRD_CONF, encoding="utf-8")
    result = CliRunner().invoke(cli, ["migrate", "openalpr", str(old)], catch_exceptions=False)
    assert result.stdout.startswith("# Made by alpr migrate openalpr.")
    assert f"warning: {old}:15: odd_key: unknown" in result.stderr
    assert "CAMERA_2_PASSWORD" in result.stderr
    with pytest.raises(InputError, match="cannot be read"):
        CliRunner().invoke(cli, ["migrate", "openalpr", str(tmp_path)], catch_exceptions=False)


def test_a_file_without_a_usable_camera(tmp_path: Path) -> None:
    old = tmp_path / "config.ini"
    old.write_text("[cameras]\n[[a]]\nactive = no\nurl = rtsp://h/\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no camera could be taken over"):
        CliRunner().invoke(cli, ["migrate", "platerecognizer", str(old)], catch_exceptions=False)


def test_a_shell_reads_the_passwords(tmp_path: Path) -> None:
    value = "a'b\"c$d`e\\f g"
    (tmp_path / "env").write_text(f"X={_quoted(value)}\n", encoding="utf-8")
    command = ["sh", "-c", f'. {tmp_path}/env; printf %s "$X"']
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == value


def test_the_page_names_the_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "migrate.md").read_text(encoding="utf-8")
    for key in (
        "memory_decay",
        "csv_file",
        "image_format",
        "min_area",
        "known_plates",
        "store_plates",
        "upload_address",
    ):
        assert re.search(rf"`[^`]*{key}", page), key
