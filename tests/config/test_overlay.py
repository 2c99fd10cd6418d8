"""One configuration over another: cameras over the run, --set over the file, options over both."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.config.models import CameraConfig, RunConfig, StreamConfig, load_config
from streamer.errors import ConfigError

SITE = """\
vote: {min_reads: 4, rejoin_s: 9}
cadence: auto
cameras:
  gate.1: rtsp://h/a
  yard:
    url: rtsp://h/b
    vote: {min_reads: 2}
    track: {max_gap_s: 2}
    read: {every: 5}
    min_height: 12
    cadence: null
    min_score: 0.3
    live: {silence_s: 3}
    video: {crf: 30}
    lines: {a: {start: [0, 0], end: [1, 1]}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "c.yaml").write_text(SITE)
    return tmp_path / "c.yaml"


def test_a_camera_overrides_any_stream_setting_key_by_key(site: Path) -> None:
    config = load_config(site)
    gate, yard = config.of_camera("gate.1"), config.of_camera("yard")
    assert (gate.vote.min_reads, gate.cadence, gate.min_score) == (4, "auto", None)
    assert (yard.vote.min_reads, yard.vote.rejoin_s, yard.cadence, yard.min_score) == (2, 9, "auto", 0.3)
    assert (yard.track.max_gap_s, yard.read.every, yard.read.min_height) == (2, 5, 12)
    assert (yard.live.silence_s, yard.live.connect_s, yard.video.crf, list(yard.lines)) == (3, 10, 30, ["a"])


def test_every_key_of_a_run_is_one_of_a_camera_or_refused_with_its_reason() -> None:
    assert set(RunConfig.model_fields) == set(StreamConfig.model_fields) | set(CameraConfig.refused)
    assert not set(CameraConfig.model_fields) & set(CameraConfig.refused)


@pytest.mark.parametrize("key", [*CameraConfig.refused, "live: {ready"])
def test_what_cannot_differ_between_cameras(tmp_path: Path, key: str) -> None:
    (tmp_path / "c.yaml").write_text(
        f"cameras:\n  gate:\n    url: x\n    {key}: all}}\n"
        if "{" in key
        else f"cameras:\n  gate:\n    url: x\n    {key}: 1\n"
    )
    with pytest.raises(ConfigError, match=r"c\.yaml:4: cameras\.gate\..*: cannot be set for one camera: \w+"):
        load_config(tmp_path / "c.yaml")


def test_defaults_then_file_then_set_then_options(site: Path) -> None:
    sets = ["vote.min_reads=7", "vote.min_confidence=0.6", "countries=[DE, at]", "cameras.gate.1.loop=true"]
    config = load_config(site, sets, {"vote.min_confidence": ("--x", 0.7), "camera": ("--camera", None)})
    assert (config.vote.min_reads, config.vote.min_confidence, config.vote.rejoin_s) == (7, 0.7, 9)
    assert (config.countries, config.cameras["gate.1"].loop) == (("DE", "AT"), True)
    assert config.cameras["gate.1"].url == "rtsp://h/a"
    assert config.of_camera("yard").vote.min_reads == 7  # --set wins over the file, a camera's part of it too
    assert load_config(site, ["read.min_height=5"]).of_camera("yard").read.min_height == 5
    assert (
        load_config(site, ["cameras.yard.read.min_height=5", "cameras.yard.min_height="])
        .of_camera("yard")
        .read.min_height
        == 5
    )
    assert load_config(None, ["threads=2", "live=false", "live.silence_s=1"]).live.endless is False


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vote.min_reads=many", r"--set vote\.min_reads: expected a whole number \(got 'many'\)"),
        ("vote.min_red=3", r"--set vote\.min_red: unknown key: did you mean 'min_reads'\?"),
        ("vote", r"--set vote: expected KEY=VALUE"),
        ("vote..x=3", r"--set vote\.\.x=3: expected KEY=VALUE"),
        ("cadence.x=3", r"--set cadence\.x: cadence is 'auto', not a section"),
        ("zones.lane.use=ignore", r"--set zones\.lane\.polygon: is missing"),
        ("zones={a: [}", r"--set zones: not valid YAML: .*"),
        ("cameras.new.loop=true", r"--set cameras\.new\.url: is missing"),
        (
            "cameras.yard.threads=3",
            r"--set cameras\.yard\.threads: cannot be set for one camera: one pair of networks.*",
        ),
    ],
)
def test_errors_name_the_key_and_what_was_expected(site: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"^{told}") as caught:
        load_config(site, [text])
    assert caught.value.exit_code == 2


def test_faults_of_options_are_called_by_their_name(site: Path) -> None:
    with pytest.raises(ConfigError, match=r"^option --country: expected the two letters .*\(got 'Germany'\)"):
        load_config(site, (), {"countries": ("--country", ("Germany",))})
