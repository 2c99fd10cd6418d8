"""Many cameras in one process."""

from __future__ import annotations

import csv
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clockkit import ManualClock
from sitekit import Camera, config
from streamkit import BLUE, GREEN, PLATES, FakeDetector, FakeReader

from streamer.cli import cli
from streamer.config.models import RunConfig, load_config
from streamer.errors import ConfigError
from streamer.pipeline.engines import Engines
from streamer.pipeline.runner import IncompleteRun
from streamer.pipeline.site import run_site
from streamer.pipeline.status import Streams
from streamer.sink.csv import CsvSink

pytestmark = pytest.mark.timeout(60)
REPO = Path(__file__).parents[2]


def run(settings: RunConfig, out: Path, gone: str = "") -> Any:
    """Until every camera that is there was read, and the one called `gone` was given up."""
    stop, streams, clock = threading.Event(), Streams(), ManualClock()

    def shown() -> None:
        clock.move(0.02)
        read = [w.summary.reads >= 3 for w in streams.watched if w.name != gone]
        away = f"alpr-{gone}" in {thread.name for thread in threading.enumerate()}
        if len(read) == len(settings.cameras) - bool(gone) and all(read) and not away:
            stop.set()

    return run_site(
        settings,
        [CsvSink(out)],
        engines=Engines(FakeDetector(), FakeReader(), 0.5),
        stop=stop,
        source_of=lambda camera, live: Camera(camera.address(), shown),
        streams=streams,
        clock=clock,
    )


def rows(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {r["camera"]: r["plate"] for r in csv.DictReader(lines)}


def test_two_cameras_give_their_rows(tmp_path: Path) -> None:
    summary = run(config(gate="blue", yard="green"), tmp_path / "x.csv")
    assert rows(tmp_path / "x.csv") == {"gate": PLATES[BLUE], "yard": PLATES[GREEN]}
    assert (summary.passages, summary.ended) == (2, "stopped")
    assert summary.frames >= 6


def test_one_that_fails_touches_no_other(tmp_path: Path) -> None:
    with pytest.raises(IncompleteRun, match=r"1 of 2 cameras failed: bad: away for") as caught:
        run(config(gate="blue", yard="bad"), tmp_path / "x.csv", gone="yard")
    assert rows(tmp_path / "x.csv") == {"gate": PLATES[BLUE]}
    assert caught.value.summary.passages == 1


def test_a_bug_stops_everything_and_keeps_the_rows(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run(config(gate="blue", yard="broken"), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text(encoding="utf-8").startswith("camera,")


def test_warnings_of_a_source_name_its_camera() -> None:
    stop = threading.Event()
    source = Camera("blue", stop.set)
    source.warnings.append("clip.mp4: is cut off")
    summary = run_site(
        config(gate="blue"),
        [],
        engines=Engines(FakeDetector(), FakeReader(), 0.5),
        stop=stop,
        source_of=lambda camera, live: source,
        clock=ManualClock(),
    )
    assert "gate: clip.mp4: is cut off" in summary.warnings


def test_without_cameras_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cameras: there is none"):
        run(RunConfig(), tmp_path / "x.csv")


def test_the_example_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    site = load_config(REPO / "configs" / "stream" / "site.yaml")
    monkeypatch.setenv("GATE_PASSWORD", "hush")
    assert site.cameras["gate"].address() == "rtsp://alpr:hush@192.0.2.10/stream1"
    gate, yard = site.of_camera("gate"), site.of_camera("yard")
    assert (gate.camera, list(gate.lines), gate.read.min_height) == ("gate", ["barrier"], RunConfig().read.min_height)
    assert (list(yard.zones), yard.read.min_height, yard.cameras) == (["lane"], 12, {})
    assert (gate.countries, yard.countries) == ((), ("DE", "AT"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "GATE_PASSWORD"),
        (["--video", "x.mp4"], "names one file for 2 cameras"),
        (["--mot", "x.txt"], "names one file for 2 cameras"),
        (["--csv", "x", "--jsonl", "x"], "is used for two outputs"),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GATE_PASSWORD", raising=False)
    monkeypatch.chdir(tmp_path)
    site = str(REPO / "configs" / "stream" / "site.yaml")
    result = CliRunner().invoke(cli, ["run", "--config", site, *arguments])
    assert result.exit_code != 0
    assert message in result.output + str(result.exception)


def test_check_shows_cameras_without_their_passwords(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("cameras: {a: {url: 'rtsp://me:secret@host/x'}}\nzones: {z: {polygon: [[0,0],[1,0],[1,1]]}}\n")
    result = CliRunner().invoke(cli, ["check", str(path)])
    assert result.exit_code == 0, result.output
    assert "secret" not in result.output
    assert "cameras.a" in result.output
