"""Trackers by name: the example package's, and what is wrong with others."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamkit import FakeDetector, FakeReader, alpr, drive, frame_at, plates_of

from streamer.config.models import RunConfig, TrackConfig, load_config
from streamer.config.plugins import TRACKERS, plugins
from streamer.errors import ConfigError
from streamer.pipeline.runner import run_stream
from streamer.sink.csv import CsvSink
from streamer.tracking.track import TrackerLike
from streamer.tracking.trackers import check_tracker, tracker_factory

EXAMPLE = Path(__file__).parents[2] / "examples" / "alpr-tracker-example"
NEAREST = TrackConfig(type="nearest", options={"reach": 2})
Boxes = list[tuple[float, float, float, float]]


def install(folder: Path, name: str, points: dict[str, str]) -> None:
    """What pip leaves of a package: its name, and the entry points."""
    info = folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[{TRACKERS}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages with the example in it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = tmp_path / "site"
    site.mkdir()
    install(site, project["name"], project["entry-points"][TRACKERS])
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.syspath_prepend(str(site))
    plugins.cache_clear()
    yield site
    plugins.cache_clear()


def ids(tracker: TrackerLike, frames: list[Boxes]) -> list[tuple[int, int, int]]:
    ended = []
    for index, boxes in enumerate(frames):
        update = tracker.update(frame_at(index), plates_of(boxes))
        assert [t.id for t in update.hits] == [t.id for t in tracker.tracks if t.hit_in(index)]
        assert {t.id for t in update.born} <= {t.id for t in update.hits}
        ended += update.ended
    return [(t.id, t.first.frame, t.last.frame) for t in ended + tracker.finish()]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("config", [TrackConfig(), NEAREST], ids=lambda c: c.type)
def test_trackers_fulfil_the_protocol(config: TrackConfig) -> None:
    tracker = tracker_factory(config)(config, high_score=0.5, first_id=3)
    frames: list[Boxes] = [[(9 + 3 * i, 50, 49 + 3 * i, 62), (300, 50, 340, 62)] for i in range(5)]
    assert ids(tracker, [*frames, [(600, 200, 640, 212)], []]) == [(3, 0, 4), (4, 0, 4)]
    assert [t.first.frame for t in tracker.take_flickers()] == [5]
    assert tracker.next_id == 5
    assert tracker.tracks == []
    assert not tracker.tentative


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("config", [TrackConfig(), NEAREST], ids=lambda c: c.type)
def test_another_vehicle_takes_the_place_of_one(config: TrackConfig) -> None:
    tracker = tracker_factory(config)(config, high_score=0.5)
    for index in range(4):
        tracker.update(frame_at(index), plates_of([(9, 50, 49, 62)]))
    (track,) = tracker.tracks
    assert track.previous is not None
    begun = tracker.succeed(track, [track.last], track.previous)
    assert (track.last.frame, begun.id, begun.first.frame) == (2, 2, 3)
    assert ids(tracker, []) == [(2, 3, 3)]
    assert np.isfinite(begun.last.box_xyxy).all()


@pytest.mark.usefixtures("installed")
def test_a_run_with_a_tracker_of_a_package(tmp_path: Path) -> None:
    from streamer.types import Frame

    class Pictures:
        name, live, warnings = "fake", False, ()

        def open(self):  # type: ignore[no-untyped-def]
            from streamer.source.source import StreamInfo

            return StreamInfo(self.name, 320, 180)

        def frames(self):  # type: ignore[no-untyped-def]
            return (Frame(i, i / 25, 320, 180, bgr=picture) for i, picture in enumerate(drive(10)))

        def close(self) -> None:
            pass

    rows = {}
    for name in ("kalman", "nearest"):
        file = tmp_path / f"{name}.csv"
        config = RunConfig(track=TrackConfig(type=name))
        run_stream([Pictures()], [CsvSink(file)], config, detector=FakeDetector(), reader=FakeReader())  # type: ignore[list-item]
        rows[name] = file.read_text()
    assert rows["nearest"] == rows["kalman"]
    assert rows["nearest"].count("\n") == 2


def test_what_is_wrong_with_a_tracker(installed: Path) -> None:
    install(installed, "wrong", {"number": "math:pi", "missing": "no_such_module:X", "nearest": "other:Tracker"})
    for name, told in {
        "sort": r"type: unknown tracker 'sort': expected one of kalman, missing, nearest, number",
        "nearst": r"did you mean 'nearest'\? .*alpr\.trackers",
        "nearest": r"nearest: alpr_tracker_example:NearestTracker of .* have this name",
        "missing": r"missing of wrong cannot be loaded \(ModuleNotFoundError: .* mend or uninstall wrong",
        "number": r"number of wrong \(math:pi\): expected a class, not float",
    }.items():
        with pytest.raises(ConfigError, match=told):
            tracker_factory(TrackConfig(type=name))
    with pytest.raises(ConfigError, match=r"track\.options\.reach: unknown key: the tracker kalman has no options"):
        check_tracker(TrackConfig(options={"reach": 2}))


def test_settings_of_another_kind(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("class Odd:\n    Settings = dict\nclass Free: pass\n")
    install(installed, "odd", {"odd": "odd:Odd", "free": "odd:Free"})
    sys.path.append(str(tmp_path))
    try:
        with pytest.raises(ConfigError, match=r"odd of odd: its Settings must derive from streamer\.TrackerSettings"):
            check_tracker(TrackConfig(type="odd"))
        check_tracker(TrackConfig(type="free", options={"what": "ever"}))
    finally:
        sys.path.remove(str(tmp_path))


def test_a_detection_is_matched_once() -> None:
    from streamer.tracking.lifecycle import BaseTracker

    class Greedy(BaseTracker):
        def match(self, tracks, plates, frame):  # type: ignore[no-untyped-def]
            return [(k, 0) for k in range(len(tracks))]

    tracker = Greedy(TrackConfig(birth_hits=1))
    tracker.update(frame_at(0), plates_of([(9, 50, 49, 62), (300, 50, 340, 62)]))
    with pytest.raises(ValueError, match=r"Greedy\.match: .* at most once"):
        tracker.update(frame_at(1), plates_of([(9, 50, 49, 62)]))


@pytest.mark.usefixtures("installed")
def test_check_names_file_line_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.yaml"
    where = "track.options.reach: "
    for text, told in {
        "track:\n  type: nearst\n": "2: track.type: unknown tracker 'nearst': did you mean 'nearest'?",
        "track:\n  type: nearest\n  options: {reech: 2}\n": "3: track.options.reech: unknown key: did you mean",
        "track: {type: nearest, options: {reach: -1}}\n": f"1: {where}input should be greater than 0",
        "track: {options: {reach: 2}}\n": f"1: {where}unknown key: the tracker kalman has no options",
        "cameras:\n  gate:\n    url: rtsp://h/s\n    track: {type: klaman}\n": "4: cameras.gate.track.type: unknown",
    }.items():
        file.write_text(text)
        assert alpr("check", file) == 2
        assert f"run.yaml:{told}" in capsys.readouterr().err
    file.write_text(
        "track: {type: nearest, options: {reach: 2}}\ncameras:\n"
        "  gate: {url: 'rtsp://h/s', track: {options: {reach: 3}}}\n"
        "  back: {url: 'rtsp://h/t', track: {birth_hits: 3}}\n"
    )
    config = load_config(file)
    assert config.of_camera("gate").track.options == {"reach": "3"}
    tracker = tracker_factory(config.track)(config.of_camera("back").track)
    assert tracker.settings.reach == 2.0  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"--set track\.type: unknown tracker 'x'"):
        load_config(None, ["track.type=x"])
