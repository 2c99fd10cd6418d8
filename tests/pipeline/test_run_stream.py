"""The whole stream with stand-in networks: rows, order, errors, and that nothing hangs."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import pytest
from streamkit import BLUE, GREEN, RED, FakeDetector, FakeReader, drive, scene, write_audio, write_video

from streamer.config.models import RunConfig
from streamer.errors import ConfigError, InputError, OutputError
from streamer.pipeline.runner import IncompleteRun, run_stream
from streamer.pipeline.status import Streams
from streamer.sink.csv import COLUMNS, CsvSink
from streamer.sink.sink import BaseSink
from streamer.sink.video import VideoFolderSink, VideoSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Passage, RunSummary

pytestmark = pytest.mark.timeout(60)


class ListSink(BaseSink):
    """Keeps what it gets; fails at the `fail_at`-th passage or frame."""

    def __init__(self, needs_frames: bool = False, fail_at: int = -1, error: Exception | None = None) -> None:
        self.needs_frames = needs_frames
        self.passages: list[Passage] = []
        self.frames: list[int] = []
        self.closed = 0
        self._fail_at, self._error = fail_at, error

    def frame(self, frame: Frame, plates: Any, tracks: Any) -> None:
        if len(self.frames) == self._fail_at and self._error:
            raise self._error
        self.frames.append(frame.index)

    def passage(self, passage: Passage) -> None:
        if not self.needs_frames and len(self.passages) == self._fail_at and self._error:
            raise self._error
        self.passages.append(passage)

    def close(self) -> None:
        self.closed += 1


class FakeSource:
    """Frames from a list; `error` is raised after them."""

    def __init__(self, frames: list[Frame], *, live: bool = False, error: BaseException | None = None) -> None:
        self.name, self.live, self.warnings = "fake", live, []
        self._frames, self._error = frames, error
        self.closed = False

    finite = True

    def again(self) -> FakeSource:
        return self

    def open(self) -> StreamInfo:
        return StreamInfo(self.name, 320, 180, live=self.live)

    def frames(self) -> Iterator[Frame]:
        yield from self._frames
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True


def bgr_frames(count: int) -> list[Frame]:
    return [Frame(i, i / 25, 320, 180, bgr=p) for i, p in enumerate(drive(count))]


def run(source: Any, *sinks: Any, config: RunConfig | None = None, **rest: Any) -> RunSummary:
    return run_stream(source, list(sinks), config, detector=FakeDetector(), reader=FakeReader(), **rest)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_drive_is_one_row(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", drive(30))
    summary = run(str(video), CsvSink(tmp_path / "p.csv"))
    (row,) = rows_of(tmp_path / "p.csv")
    assert row["plate"] == "皖A12345"
    assert (row["camera"], row["track_id"], row["first_frame"], row["last_frame"]) == ("a.mp4", "1", "0", "29")
    assert (row["first_s"], row["last_s"], row["time_source"], row["first_seen"]) == ("0.000", "1.160", "unknown", "")
    assert float(row["confidence"]) > 0.8
    assert (summary.frames, summary.passages, summary.tracks, summary.rejected) == (30, 1, 1, {})
    assert summary.ended == "end of stream"
    assert 2 <= summary.reads < 20


def test_no_plate_gives_a_header_alone(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", [scene(64, 48)] * 5)
    run(str(video), CsvSink(tmp_path / "p.csv"))
    assert (tmp_path / "p.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    pictures = [
        scene(320, 180, (4 + 6 * i, 40, BLUE), (260 - 5 * i, 100, GREEN)) if i < 40 else scene(320, 180, (9, 9, RED))
        for i in range(60)
    ]
    video = write_video(tmp_path / "a.mkv", pictures, codec="libx264")
    for name in ("1", "2"):
        run(str(video), CsvSink(tmp_path / f"{name}.csv"), VideoSink(tmp_path / f"{name}.mp4"))
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert {r["plate"] for r in rows_of(tmp_path / "1.csv")} == {"皖A12345", "GRN777", "RED1"}


def test_frames_reach_frame_sinks_in_order_and_whole(tmp_path: Path) -> None:
    drawn, rows = ListSink(needs_frames=True), ListSink()
    source = FakeSource(bgr_frames(40))
    run(source, drawn, rows, config=RunConfig(queue=1))
    assert drawn.frames == list(range(40))
    assert rows.frames == []
    assert drawn.passages == rows.passages
    assert drawn.closed == rows.closed == 1
    assert source.closed


def test_rows_come_in_the_order_they_became_final() -> None:
    def pictures(i: int) -> Any:
        return scene(320, 180, *([(30, 40, BLUE)] if i < 200 else []), *([(200, 100, GREEN)] if 20 <= i < 50 else []))

    sink, soon = ListSink(), RunConfig.model_validate({"vote": {"rejoin_s": 3}})
    run(FakeSource([Frame(i, i / 25, 320, 180, bgr=pictures(i)) for i in range(210)]), sink, config=soon)
    assert [(p.plate, p.track_id) for p in sink.passages] == [("GRN777", 2), ("皖A12345", 1)]


def test_the_summary_counts_rows_that_wait(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    pictures = [scene(320, 180, *([(40, 40, BLUE)] if i < 20 else [])) for i in range(60)]
    source = FakeSource([Frame(i, i / 25, 320, 180, bgr=p) for i, p in enumerate(pictures)])
    summary = run(source, progress=lambda _, now: told.append((now.passages, now.waiting)))
    assert told[0] == (0, 0)
    assert told[15] == (0, 1)  # in sight
    assert told[-1] == (0, 1)  # it left, and may come back
    assert (summary.passages, summary.waiting) == (1, 0)


def test_each_file_of_a_run_is_counted_alone(tmp_path: Path) -> None:
    for name, count in (("a.mp4", 30), ("b.mp4", 12)):
        write_video(tmp_path / name, drive(count))
    streams = Streams()
    told: list[tuple[str, int]] = []
    summary = run(str(tmp_path), streams=streams, progress=lambda info, now: told.append((info.name, now.frames)))
    assert {w.name: (w.summary.frames, w.summary.passages) for w in streams.watched} == {
        "a.mp4": (30, 1),
        "b.mp4": (12, 1),
    }
    assert told[-1] == ("b.mp4", 42)  # whoever shows progress is told the run's
    assert (summary.frames, summary.passages) == (42, 2)


def test_files_under_one_camera_name_add_up(tmp_path: Path) -> None:
    for name, count in (("a.mp4", 30), ("b.mp4", 12)):
        write_video(tmp_path / name, drive(count))
    streams = Streams()
    run(str(tmp_path), config=RunConfig(camera="gate"), streams=streams)
    assert [(w.name, w.summary.frames) for w in streams.watched] == [("gate", 42)]


def test_a_hidden_plate_that_returns_stays_one_row() -> None:
    def pictures(i: int) -> Any:
        return scene(320, 180, *([] if 25 <= i < 60 else [(40, 40, BLUE)]))

    frames = [Frame(i, i / 25, 320, 180, bgr=pictures(i)) for i in range(90)]
    together, apart = ListSink(), ListSink()
    summary = run(FakeSource(frames), together)
    run(FakeSource(frames), apart, config=RunConfig.model_validate({"vote": {"rejoin_s": 0}}))
    assert [(p.first_frame, p.last_frame) for p in together.passages] == [(0, 89)]
    assert [(p.first_frame, p.last_frame) for p in apart.passages] == [(0, 24), (60, 89)]
    assert (summary.tracks, summary.passages) == (2, 1)


def test_a_folder_names_each_row_by_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_video(folder / "b.avi", drive(20, colour=GREEN))
    write_video(folder / "a.mkv", drive(20))
    cv2.imwrite(str(folder / "c.png"), scene(200, 100, (50, 40, RED)))
    (folder / "notes.txt").write_text("not a video")
    run(folder, CsvSink(tmp_path / "p.csv"), VideoFolderSink(tmp_path / "out"))
    rows = rows_of(tmp_path / "p.csv")
    assert [(r["camera"], r["plate"]) for r in rows] == [("a.mkv", "皖A12345"), ("b.avi", "GRN777"), ("c.png", "RED1")]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.mp4", "b.mp4", "c.jpg"]


def test_one_camera_name_over_files_keeps_ids_apart(tmp_path: Path) -> None:
    for name in "ab":
        write_video(tmp_path / f"{name}.mp4", drive(15))
    sink = ListSink()
    run(tmp_path, sink, config=RunConfig(camera="gate"))
    assert [(p.camera, p.track_id) for p in sink.passages] == [("gate", 1), ("gate", 2)]


def test_one_bad_input_leaves_the_others_done(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", drive(15))
    (tmp_path / "b.mp4").write_text("hello")
    write_audio(tmp_path / "c.mp4")
    write_video(tmp_path / "d.mp4", drive(15, colour=RED))
    sink = ListSink()
    with pytest.raises(IncompleteRun, match=r"2 of 4 inputs failed: b\.mp4: .*; c\.mp4: has no video") as caught:
        run(tmp_path, sink)
    assert [p.plate for p in sink.passages] == ["皖A12345", "RED1"]
    assert sink.closed == 1
    assert caught.value.exit_code == 3
    assert caught.value.summary.passages == 2


def test_a_truncated_video_gives_the_rows_before_the_cut(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", drive(100))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size * 6 // 10])
    with pytest.raises(InputError, match=r"cut\.mkv: truncated at \d\.\d\d s of 4\.00 s"):
        run(str(cut), CsvSink(tmp_path / "p.csv"), VideoSink(tmp_path / "v.mp4"))
    (row,) = rows_of(tmp_path / "p.csv")
    assert 40 < int(row["last_frame"]) < 80
    capture = cv2.VideoCapture(str(tmp_path / "v.mp4"))
    assert sum(1 for _ in iter(lambda: capture.read()[0], False)) == int(row["last_frame"]) + 1


@pytest.mark.parametrize("threaded", [False, True])
def test_a_failing_sink_is_reported_and_the_others_closed_whole(threaded: bool) -> None:
    broken = ListSink(needs_frames=threaded, fail_at=3 if threaded else 0, error=OutputError("x: disk full"))
    good, source = ListSink(), FakeSource(bgr_frames(200))
    with pytest.raises(OutputError, match="disk full"):
        run(source, broken, good)
    assert (broken.closed, good.closed, source.closed) == (1, 1, True)
    assert len(good.passages) == 1, "the tracks so far still give their rows"


def test_a_silent_fifo_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.pipeline.feed._SILENT_S", 0.1)
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    video = write_video(tmp_path / "a.mkv", drive(20))
    os.mkfifo(tmp_path / "pipe.mkv")
    written, over = threading.Event(), threading.Event()

    def feed() -> None:
        with (tmp_path / "pipe.mkv").open("wb") as pipe:
            pipe.write(video.read_bytes())
            pipe.flush()
            written.set()
            over.wait(60)  # the writer hangs with the pipe open

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    stop = threading.Event()
    threading.Thread(target=lambda: (written.wait(30), stop.set()), daemon=True).start()
    assert run(str(tmp_path / "pipe.mkv"), stop=stop).ended == "stopped"
    over.set()
    feeder.join(5)


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    video = write_video(tmp_path / "a.mp4", drive(60))
    rows = ListSink()
    with pytest.raises(OutputError, match=r"/dev/full: cannot be written \(No space left"):
        run(str(video), VideoSink("/dev/full"), rows)
    assert rows.closed == 1
    with pytest.raises(OutputError, match="/dev/full"):
        CsvSink("/dev/full")


@pytest.mark.parametrize("where", ["decode", "detect", "sink"])
def test_a_bug_anywhere_is_raised_and_does_not_hang(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = ZeroDivisionError("bug")
    source = FakeSource(bgr_frames(30), error=bug if where == "decode" else None)
    if where == "detect":
        monkeypatch.setattr(FakeDetector, "detect", lambda self, frame: 1 // 0)
    drawn = ListSink(needs_frames=True, fail_at=2, error=bug) if where == "sink" else ListSink(needs_frames=True)
    with pytest.raises(ZeroDivisionError):
        run(source, drawn)
    assert drawn.closed == 1
    assert source.closed
    assert not [t for t in threading.enumerate() if t.name.startswith("alpr-")]


def test_stop_drains_what_is_there() -> None:
    stop, sink, source = threading.Event(), ListSink(), FakeSource(bgr_frames(500))
    summary = run(source, sink, stop=stop, progress=lambda _, s: stop.set() if s.frames == 20 else None)
    assert summary.ended == "stopped"
    assert 20 <= summary.frames <= 40
    assert [p.plate for p in sink.passages] == ["皖A12345"]


@pytest.mark.parametrize(("camera", "name"), [(None, "fake"), ("gate", "gate")])
def test_live_keeps_the_newest_and_counts_drops(camera: str | None, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = threading.Event()
    plain = FakeDetector.detect

    def detect(self: FakeDetector, frame: Frame) -> Any:
        slow.wait(0.02)
        return plain(self, frame)

    monkeypatch.setattr(FakeDetector, "detect", detect)
    sink = ListSink()
    summary = run(FakeSource(bgr_frames(300), live=True), sink, config=RunConfig(camera=camera))
    assert sink.passages[-1].last_box[0] == pytest.approx(264, abs=1)  # where the last frame shows it
    assert summary.frames < 300
    assert summary.warnings == [f"{name}: {300 - summary.frames} frames dropped to keep up"]


def test_a_live_source_that_is_silent_can_be_stopped() -> None:
    stop, forever = threading.Event(), threading.Event()

    class Silent(FakeSource):
        def frames(self) -> Iterator[Frame]:
            stop.set()
            forever.wait()
            yield from ()

    source = Silent([], live=True)
    summary = run(source, ListSink(), stop=stop)
    assert (summary.ended, summary.frames) == ("stopped", 0)
    assert not source.closed, "closing a container another thread reads from would crash"
    forever.set()


def test_a_live_source_must_say_how_it_is_reconnected() -> None:
    source = SimpleNamespace(name="once", live=True, warnings=[])
    with pytest.raises(ConfigError, match=r"once: a live source must have again\(\) and finite"):
        run([source])


def test_one_video_file_for_two_sources_is_refused(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "v.mp4")
    with pytest.raises(ConfigError, match="holds one source"):
        run([FakeSource(bgr_frames(3)), FakeSource(bgr_frames(3))], sink)


def test_given_start_time_reaches_the_rows(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", drive(25))
    config = RunConfig().with_options(start_time="2026-01-31T08:00:00+08:00")
    run(str(video), CsvSink(tmp_path / "p.csv"), config=config)
    (row,) = rows_of(tmp_path / "p.csv")
    assert row["time_source"] == "given"
    assert row["first_seen"] == "2026-01-31T08:00:00.000000+08:00"
    assert row["last_seen"] == "2026-01-31T08:00:00.960000+08:00"


def test_a_fifo_is_a_source(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    video = write_video(tmp_path / "a.mkv", drive(20))
    os.mkfifo(tmp_path / "pipe.mkv")
    feeder = threading.Thread(target=lambda: (tmp_path / "pipe.mkv").write_bytes(video.read_bytes()), daemon=True)
    feeder.start()
    sink = ListSink()
    assert run(str(tmp_path / "pipe.mkv"), sink).frames == 20
    feeder.join(5)
