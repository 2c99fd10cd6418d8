"""How fit a camera is: sharpness on drawn edges, packets, verdicts by measures, and whole reports."""

from __future__ import annotations

import importlib
import threading
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from sitekit import Camera
from streamkit import FakeDetector, FakeReader

from streamer.cli import cli
from streamer.config.models import RunConfig
from streamer.errors import InputError
from streamer.fit.measure import Measures, Vehicle, measured
from streamer.fit.packets import Observable, Packets
from streamer.fit.sharpness import Sharpness, sharpness_of
from streamer.fit.verdict import Fit, judged
from streamer.image.warp import frame_of
from streamer.pipeline.engines import Engines
from streamer.source.file import VideoSource

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"
QUAD = np.array([[40.0, 40.0], [140.0, 40.0], [140.0, 65.0], [40.0, 65.0]])


def plate(blur: tuple[int, int] | None = None) -> np.ndarray:
    """Dark strokes on a light plate of 100x25 px."""
    picture = np.full((100, 200, 3), 200, np.uint8)
    for x in range(44, 136, 10):
        cv2.rectangle(picture, (x, 45), (x + 4, 60), (30, 30, 30), -1)
    return picture if blur is None else cv2.blur(picture, blur)


def sharp(blur: tuple[int, int] | None = None) -> Sharpness:
    found = sharpness_of(frame_of(plate(blur)), QUAD)
    assert found is not None
    return found


def test_edges_are_as_wide_as_they_were_blurred() -> None:
    assert sharp().along == pytest.approx(1 / 25, abs=0.005)
    assert sharp().contrast == pytest.approx(170, abs=2)
    assert sharp((5, 1)).along == pytest.approx(5 / 25, abs=0.04)
    assert sharp((5, 1)).across == pytest.approx(sharp().across, abs=0.02)
    assert sharp((1, 5)).across > 3 * sharp().across
    assert sharpness_of(frame_of(plate()), QUAD[:1] + np.array([[0, 0], [4, 0], [4, 3], [0, 3]])) is None


def test_a_burnt_out_plate() -> None:
    found = sharpness_of(frame_of(np.full((100, 200, 3), 255, np.uint8)), QUAD)
    assert found is not None
    assert (found.white, found.contrast) == (1.0, 0.0)


def packet(dts: int, size: int, key: bool = False) -> Any:
    context = SimpleNamespace(name="h264", profile="Main")
    stream = SimpleNamespace(codec_context=context)
    return SimpleNamespace(dts=dts, pts=dts, size=size, time_base=Fraction(1, 100), is_keyframe=key, stream=stream)


def test_packets() -> None:
    packets = Packets()
    packets(packet(0, 0))  # the flush at the end of a file
    assert (packets.rate, packets.kbit_s, packets.key_s, packets.seconds) == (None, None, None, 0.0)
    for k in range(101):  # 25 frames/s, a key frame every 2 s
        packets(packet(4 * k, 1000, k % 50 == 0))
    assert packets.codec == "h264 Main"
    assert packets.rate == pytest.approx(25)
    assert packets.kbit_s == pytest.approx(101 * 8 / 4)
    assert packets.key_s == pytest.approx(2)
    assert packets.gap_s == pytest.approx(0.04)
    packets(packet(0, 1000, True))  # the clip begins again
    packets(packet(100, 1000))
    assert packets.seconds == pytest.approx(5)
    assert packets.gap_s == pytest.approx(1)


GOOD = Measures(
    live=True, width=1920, height=1080, declared=25.0, rate=25.0, gap_s=0.04, frames=750, seconds=30.0,
    brightness=110.0,    codec="h264 High", kbit_s=4000.0, key_s=2.0, heights=[20.0, 30.0, 40.0],
    sharp=[Sharpness(30.0, 0.06, 0.06, 120.0, 0.01)] * 9, confidences=[0.99] * 9,
    vehicles=[Vehicle("A", 0.99, 9, 3.0, 30.0), Vehicle("B", 0.98, 7, 2.0, 26.0)],
)  # fmt: skip


def fit(**changes: Any) -> Fit:
    return judged(replace(GOOD, **changes))


def test_a_good_camera() -> None:
    assert fit().verdict == "good"
    assert fit().change == ""
    assert fit().is_fit


def vehicles(height: float, reads: int = 9) -> list[Vehicle]:
    return [Vehicle("A", 0.9, reads, 2.0, height)]


def edges(along: float, across: float, height: float = 30.0, contrast: float = 120.0, white: float = 0.0) -> Any:
    return [Sharpness(height, along, across, contrast, white)] * 5


@pytest.mark.parametrize(
    ("changes", "verdict", "change"),
    [
        ({"vehicles": vehicles(9.0)}, "poor: plate height", "2.2 times as large (now 9 px"),
        ({"vehicles": vehicles(13.0)}, "usable: plate height", "1.5 times as large"),
        ({"vehicles": [], "heights": [8.0] * 9}, "poor: plate height", "2.5 times"),
        ({"sharp": edges(0.2, 0.06)}, "poor: sharpness", "shorten the shutter"),
        ({"sharp": edges(0.14, 0.13)}, "usable: sharpness", "focus the lens"),
        ({"sharp": edges(0.14, 0.13, height=12.0)}, "good", ""),  # pixels are lacking, not sharpness
        ({"sharp": edges(0.14, 0.13), "kbit_s": 600.0}, "usable: bit rate, sharpness", "focus"),
        ({"sharp": edges(0.05, 0.05, white=0.6)}, "usable: exposure of plates", "expose for the plates"),
        ({"sharp": edges(0.05, 0.05, contrast=30.0)}, "usable: exposure of plates", "more light"),
        ({"rate": 3.0}, "poor: rate", "15 to 25 frames/s (now 3)"),
        ({"rate": 8.0}, "usable: rate", "15 to 25"),
        ({"key_s": 10.0}, "usable: key frames", "set the key frame interval"),
        ({"reconnects": 2, "vehicles": vehicles(9.0)}, "poor: connection, plate height", "mend the network first"),
        ({"dropped": 100}, "usable: connection", "this machine is too slow"),
        ({"vehicles": vehicles(30.0, reads=2)}, "usable: rows", "in view longer"),
        ({"vehicles": [], "rejected": Counter({"not sure enough": 3})}, "usable: rows", "--ledger"),
        ({"vehicles": [], "heights": [], "sharp": []}, "unknown: no plate was seen", "measure again"),
    ],
)  # fmt: skip
def test_the_change_most_worth_making(changes: dict[str, Any], verdict: str, change: str) -> None:
    result = fit(**changes)
    assert result.verdict.startswith(verdict)
    assert change in result.change
    assert result.is_fit == (not verdict.startswith("poor"))


def test_what_arrives_and_what_was_declared() -> None:
    found = {finding.what: finding.found for finding in fit(rate=12.0, gap_s=2.5).findings}
    assert found["rate"] == "12.0 frames/s of 25.0 declared, none for 2.5 s once"
    still = {finding.what: finding.found for finding in fit(kbit_s=300.0, heights=[], sharp=[]).findings}
    assert "nothing moves" in still["bit rate"]
    assert "light" not in still
    dark = {finding.what: finding.found for finding in fit(brightness=20.0).findings}
    assert dark["light"] == "dark (mean 20 of 255)"


ENGINES = Engines(FakeDetector(), FakeReader(), 0.5)


def test_a_camera_that_does_not_answer_is_an_error() -> None:
    config = RunConfig.model_validate({"live": {"backoff_s": 0.05, "give_up_s": 0.2}})
    with pytest.raises(InputError, match=r"away for|cannot be opened"):
        measured(Camera("bad"), 1.0, threading.Event(), config, engines=ENGINES)


def test_a_camera_without_packets_is_measured_by_its_frames() -> None:
    importlib.import_module("filterpy.kalman")  # so that the run does not wait for it
    found = measured(Camera("blue"), 2.0, threading.Event(), engines=ENGINES)
    assert found.live
    assert (found.width, found.codec, found.kbit_s) == (320, "", None)
    assert found.rate is not None
    assert found.heights
    assert any(finding.what == "connection" for finding in judged(found).findings)


def test_every_connection_is_observed() -> None:
    source = VideoSource(DEMO)
    assert isinstance(source, Observable)
    source.observer = seen = Packets()
    assert source.again().observer is seen


def test_the_report_of_a_clip() -> None:
    result = CliRunner().invoke(cli, ["doctor", "--camera", str(DEMO), "--seconds", "4"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "ok  picture: 1280x720, h264 High" in lines
    assert "ok  rate: 25.0 frames/s" in lines
    assert "    verdict: good" in lines
    assert any(line.startswith("ok  plate height: ") for line in lines)
    assert "opencv" not in result.output


def test_a_camera_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "cameras:\n  gate: {url: 'rtsp://me:${GATE_PASSWORD}@127.0.0.1/', countries: [DE]}\n", encoding="utf-8"
    )
    seen: list[Any] = []
    monkeypatch.setattr("streamer.cli.fit.report_fit", lambda *given: seen.append(given) or True)
    monkeypatch.setenv("GATE_PASSWORD", "a b")
    result = CliRunner().invoke(cli, ["doctor", "--camera", "gate", "--config", str(path), "--seconds", "5"])
    assert result.exit_code == 0
    ((address, seconds, config),) = seen
    assert (address, seconds, config.countries) == ("rtsp://me:a%20b@127.0.0.1/", 5.0, ("DE",))


def test_camera_takes_the_place_of_source() -> None:
    result = CliRunner().invoke(cli, ["doctor", str(DEMO), "--camera", str(DEMO)])
    assert result.exit_code == 2
    assert "give one of them" in result.output
