"""What other programs may import, the attributes of errors, and the testing kit."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import streamer
from streamer import BaseSink, ConfigError, InputError, OutputError, Passage, RunConfig, StreamInfo, load_config
from streamer.sink.opening import output_errors
from streamer.source.faults import fault_of
from streamer.testing import FakeCamera, FakeDetector, FakeReader, ManualClock, drive

# Removing or renaming one of these breaks other people's programs.
PUBLIC = {
    "PlateReader", "run_stream", "stream", "RunConfig", "CameraConfig", "load_config", "AlprError", "ConfigError",
    "InputError", "OutputError", "ModelError", "IncompleteRun", "BaseSink", "Sink", "Event", "PassageFinal", "Source",
    "Reopening", "StreamInfo", "Frame", "Passage", "Plate", "Plates", "Reading", "Rejection", "RunSummary", "Kind",
    "BaseTracker", "Hit", "Track", "TrackUpdate", "TrackerFactory", "TrackerLike", "TrackerSettings", "TrackConfig",
}  # fmt: skip


def test_every_public_name_is_there() -> None:
    assert set(streamer.__all__) >= PUBLIC
    assert len(streamer.__all__) == len(set(streamer.__all__))
    for name in streamer.__all__:
        one = getattr(streamer, name)
        assert getattr(importlib.import_module(one.__module__), name) is one
    assert set(streamer.__all__) <= set(dir(streamer))
    with pytest.raises(AttributeError, match="no attribute 'PlateRaeder'"):
        _ = streamer.PlateRaeder


def test_errors_say_which_file(tmp_path: Path) -> None:
    missing = tmp_path / "none.mp4"
    with pytest.raises(InputError) as read:
        list(streamer.stream(missing, detector=FakeDetector(), reader=FakeReader()))
    assert (read.value.path, read.value.url, read.value.exit_code) == (missing, None, 3)
    with pytest.raises(OutputError) as written, output_errors(tmp_path / "x.csv"):
        raise PermissionError(13, "denied")
    assert (written.value.path, written.value.exit_code) == (tmp_path / "x.csv", 4)


def test_errors_say_which_key(tmp_path: Path) -> None:
    settings = tmp_path / "my.yaml"
    settings.write_text("vote:\n  min_raeds: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(settings)
    assert (error.value.path, error.value.key, error.value.exit_code) == (settings, "vote.min_raeds", 2)
    with pytest.raises(ConfigError) as error:
        RunConfig().with_options(min_score=3)
    assert error.value.path is None


def test_errors_say_which_address_without_its_password() -> None:
    error = fault_of("rtsp://***@host/s", "rtsp://u:secret@host/s", ConnectionRefusedError())
    assert (error.url, error.path, error.kind) == ("rtsp://***@host/s", None, "refused")


class Rows(BaseSink):
    def __init__(self) -> None:
        self.plates: list[str] = []
        self.infos: list[StreamInfo] = []

    def begin(self, info: StreamInfo) -> None:
        self.infos.append(info)

    def passage(self, passage: Passage) -> None:
        self.plates.append(passage.plate)


@pytest.mark.parametrize("error", [None, InputError("camera: broken")])
def test_a_sink_before_a_fake_camera(error: Exception | None) -> None:
    camera, rows = FakeCamera(drive(20), name="gate", error=error), Rows()
    if error is None:
        summary = streamer.run_stream(camera, [rows], detector=FakeDetector(), reader=FakeReader())
        assert summary.frames == 20
    else:
        with pytest.raises(streamer.IncompleteRun):
            streamer.run_stream(camera, [rows], detector=FakeDetector(), reader=FakeReader())
    assert rows.plates == ["皖A12345"]
    assert [(i.name, i.width, i.height) for i in rows.infos] == [("gate", 320, 180)]


def test_a_fake_camera_connects_again() -> None:
    camera = FakeCamera(drive(3), live=True)
    again = camera.again()
    assert (camera.open().live, again.open().live, camera.opened, camera.finite) == (True, True, 2, False)


def test_a_clock_that_moves_at_once() -> None:
    clock = ManualClock()
    before, day = clock.monotonic(), clock.now()
    clock.move(60)
    assert clock.monotonic() - before == 60
    assert (clock.now() - day).total_seconds() == 60
