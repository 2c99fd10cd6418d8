"""Configuration: defaults documented, errors that name file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from streamer.config.models import RunConfig, VoteConfig, load_config
from streamer.errors import ConfigError


def test_default_yaml_is_the_models_defaults(repo: Path) -> None:
    path = repo / "configs" / "stream" / "default.yaml"
    assert load_config(path) == RunConfig()

    def keys(model: type[BaseModel]) -> dict[str, object]:
        fields = {name: field.annotation for name, field in model.model_fields.items()}
        named = {name for name, field in model.model_fields.items() if field.default == {}}  # mappings by name
        return {
            n: keys(a) if isinstance(a, type) and issubclass(a, BaseModel) else {} if n in named else None
            for n, a in fields.items()
        }

    def given(values: object) -> object:
        return {k: given(v) for k, v in values.items()} if isinstance(values, dict) else None

    assert given(yaml.safe_load(path.read_text(encoding="utf-8"))) == keys(RunConfig), "every key is documented"


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "track:\n  max_gap_s: 1\n", "track: {}\n"])
def test_a_part_is_enough(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert load_config(path).read == RunConfig().read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("camra: gate\n", r"c\.yaml:1: camra: unknown key: did you mean 'camera'\?"),
        ("camera: x\ntrack:\n  max_gap: 1\n", r"c\.yaml:3: track\.max_gap: unknown key: did you mean 'max_gap_s'\?"),
        ("zzz: 1\n", r"c\.yaml:1: zzz: unknown key: expected one of .*, cameras"),
        (
            "\nvote:\n  min_reads: many\n",
            r"c\.yaml:3: vote\.min_reads: expected a whole number \(got 'many'\)",
        ),
        ("min_score: 1.5\n", r"c\.yaml:1: min_score: input should be less than 1 \(got 1\.5\)"),
        ("precision: int4\n", r"c\.yaml:1: precision: input should be 'auto', 'int8', 'bf16' or 'f32' \(got 'int4'\)"),
        ("track: 5\n", r"c\.yaml:1: track: expected a mapping of keys to values \(got 5\)"),
        ("min_score: .nan\n", r"c\.yaml:1: min_score: "),
        ("start_time: 2026-01-31T08:00:00\n", r"c\.yaml:1: start_time: input should have timezone"),
        ("queue: 4\nqueue: 5\n", r"c\.yaml:2: queue: already given in line 1"),
        (
            "zones:\n  lane: {polygon: [[0, 0], [1, 1]]}\n",
            r"c\.yaml:2: zones\.lane\.polygon: tuple should have at least 3",
        ),
        (
            "zones:\n  lane:\n    polygon: [[0, 0], [1, 0], [1, 2]]\n",
            r"c\.yaml:3: zones\.lane\.polygon\.2\.1: input should be less than or equal to 1 \(got 2\)",
        ),
        (
            "zones:\n  lane:\n    polygn: []\n",
            r"c\.yaml:3: zones\.lane\.polygn: unknown key: did you mean 'polygon'\?",
        ),
        ("- a\n- b\n", r"c\.yaml:1: expected a mapping"),
        ("camera: [\n", r"c\.yaml:2: not valid YAML: "),
        ("camera: !!python/object:os.system x\n", r"c\.yaml:1: not valid YAML: "),
        ("on: 1\n", r"c\.yaml:1: .*unknown key"),
        ("countries: DE\n", r"c\.yaml:1: countries: expected a list of countries, like \[DE\] \(got 'DE'\)"),
        ("countries: [49]\n", r"c\.yaml:1: countries\.0: expected the two letters .* \(got 49\)"),
        (
            "cameras:\n  gate:\n    url: x\n    countries: NO\n",
            r"c\.yaml:4: cameras\.gate\.countries: expected a list of countries, like \[NO\]",
        ),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_and_one_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        load_config(tmp_path / "c.yaml")


def test_times_keep_their_offset(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("start_time: 2026-01-31T08:00:00+08:00\n")
    start = load_config(tmp_path / "c.yaml").start_time
    assert start is not None
    assert start.isoformat() == "2026-01-31T08:00:00+08:00"


def test_options_win_and_are_checked() -> None:
    config = RunConfig(camera="gate", min_score=0.3).with_options(min_score=0.5, threads=None)
    assert (config.camera, config.min_score, config.threads) == ("gate", 0.5, None)
    assert RunConfig().with_options(countries=("de", "At")).countries == ("DE", "AT")
    assert RunConfig().with_options(countries=("uk", "de, at")).countries == ("GB", "DE", "AT")
    with pytest.raises(ConfigError, match=r"option --country: expected the two letters .*\(got 'Germany'\)"):
        config.with_options(countries=("Germany",))
    with pytest.raises(ConfigError, match="option --min-score: "):
        config.with_options(min_score=2.0)


def test_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        RunConfig().camera = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"nonsense": 1})


def faults(path: Path, text: str | bytes) -> list[str]:
    """The messages about a configuration, each without the folder."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return [message.removeprefix(f"{path}:") for message in caught.value.messages]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = "min_score: 3\nqueue: many\nvote:\n  min_confidence: 7\nqueue: 5\ncameras:\n  gate:\n    uri: x\n"
    assert faults(tmp_path / "c.yaml", text) == [
        "1: min_score: input should be less than 1 (got 3)",
        "2: queue: expected a whole number (got 'many')",
        "4: vote.min_confidence: input should be less than or equal to 1 (got 7)",
        "5: queue: already given in line 2",
        "8: cameras.gate.uri: unknown key: did you mean 'url'?",
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("min_confidence: 0.5", "did you mean 'vote.min_confidence'?"),
        ("rejoin: 5", "did you mean 'vote.rejoin_s'?"),
        ("url: x", "did you mean 'cameras.NAME.url'?"),
        ("polygon: []", "did you mean 'zones.NAME.polygon'?"),
        ("Min-Score: 0.5", "did you mean 'min_score'?"),
        ("vote.min_confidence: 0.5", "write 'min_confidence' in a line of its own below 'vote'"),
        ("vote: {max_gap: 1}", "did you mean 'track.max_gap_s'?"),
    ],
)
def test_a_key_is_found_wherever_it_lives(tmp_path: Path, text: str, meant: str) -> None:
    (fault,) = faults(tmp_path / "c.yaml", text)
    assert fault.endswith(f"unknown key: {meant}")


def test_names_and_texts_stay_as_written(tmp_path: Path) -> None:
    names = [
        "on",
        "NO",
        "007",
        "7",
        "1e3",
        "0x10",
        "12:30",
        "1_000",
        "~",
        "010",
        "8",
        "null",
        "1.10",
        "2026-01-31",
        "=",
        "true",
    ]
    (tmp_path / "c.yaml").write_text(
        "camera: 007\ndetector: 1.10\ncountries: [SE, NO]\ncameras:\n"
        + "".join(f"  {n}: {{url: {n}x}}\n" for n in names)
    )
    config = load_config(tmp_path / "c.yaml")
    assert {name: camera.url for name, camera in config.cameras.items()} == {name: f"{name}x" for name in names}
    assert (config.camera, config.detector, config.countries) == ("007", "1.10", ("SE", "NO"))
    (tmp_path / "c.yaml").write_text("cameras: {gate: {url: 1e3}, yard: rtsp://u:0123@h/s, door: on}\n")
    assert [c.url for c in load_config(tmp_path / "c.yaml").cameras.values()] == ["1e3", "rtsp://u:0123@h/s", "on"]


def test_numbers_and_nothing_are_what_the_key_says(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "camera: ~\nthreads: 1_0\nqueue: 010\nmin_score: 1e-1\nlive: {frozen_s: null, transport: 'udp'}\nvote:\n"
        "zones:\n"
        "cameras: {a: &a {url: x, loop: yes, min_height: 9}, b: {<<: *a, url: y, loop: off}}\n"
    )
    config = load_config(tmp_path / "c.yaml")
    assert (config.camera, config.threads, config.queue, config.min_score) == (None, 10, 10, 0.1)
    assert (config.live.frozen_s, config.live.transport, config.vote, config.zones) == (None, "udp", VoteConfig(), {})
    a, b = config.cameras.values()
    assert (a.loop, a.min_height, b.url, b.loop, b.min_height) == (True, 9.0, "y", False, 9.0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("track:\n\tmax_gap_s: 1", r"2: not valid YAML: .*: indent with spaces, not with tabs"),
        ("camera: x\nqueue: 4\x00", r"2: not valid YAML: the character #x0000 is not allowed"),
        ("a: &a [*a]", r"1: not valid YAML: it holds itself"),
        ("a: &a 1\nb: &b [" + "*a," * 300 + "]\nc: &c [" + "*b," * 300 + "]", r"\d: not valid YAML: more than 50000"),
        ("a:\n  " + "[" * 5000, r"2: not valid YAML: nested deeper than 40 levels"),
        ("cameras: [{name: a}]", r"1: cameras: expected a mapping of names to values, like gate: \{url: rtsp"),
        ("cameras: rtsp://u:secret@h", r"1: cameras: expected a mapping .* \(got 'rtsp://\*\*\*@h'\)"),
        ("camera: *secret", r"1: not valid YAML: found undefined alias: put text that begins with \* in quotes.*"),
        ("camera: @x", r"1: not valid YAML: found character '@' that cannot start any token: put text .* in quotes.*"),
        ("camera: x\n---\ncamera: y", r"2: not valid YAML: .*another document: leave out the line ---"),
        ("{{x}}: 1", r"1: the file: a key must be a plain name: put text with braces .*"),
        (b"queue: 4\ncamera: caf\xe9", r"2: cannot be read as UTF-8 text \(byte 0xe9\): save the file as UTF-8"),
        ("camera: !ENV x", r"1: not valid YAML: unknown tag !ENV"),
        ("queue:", r"1: queue: expected a whole number \(nothing is given\)"),
        ("start_time: 20260131", r"1: start_time: expected a date, a time and its offset.*"),
    ],
)
def test_what_is_no_good_yaml_is_told_with_its_line(tmp_path: Path, text: str | bytes, fault: str) -> None:
    (told,) = faults(tmp_path / "c.yaml", text)
    assert re.fullmatch(fault.replace(".*", "[^\n]*"), told) or re.match(fault, told), told
    assert "secret" not in told


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfcamera: gate\r\n")
    assert load_config(tmp_path / "c.yaml").camera == "gate"


@pytest.mark.parametrize(("text", "expected"), [("false", False), ("true", True), ("{endless: false}", False)])
def test_live_in_short_in_a_file(text: str, expected: bool, tmp_path: Path) -> None:
    (path := tmp_path / "c.yaml").write_text(f"live: {text}\ncameras: {{gate: {{url: 'http://h/x', live: {text}}}}}\n")
    config = load_config(path)
    assert (config.live.endless, config.of_camera("gate").live.endless) == (expected, expected)
    assert load_config(None, [f"live={text}"]).live.endless == expected
    path.write_text("live: perhaps\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:1: live\.endless: expected true or false \(got 'perhaps'\)"):
        load_config(path)
