"""Outputs of an earlier run: what replaces them, when, and what is said before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamkit import BLUE, GREEN, alpr, drive, write_video

from streamer.cli.run_request import RunRequest
from streamer.source.recording import Networks, RecordedSource
from streamer.source.source import StreamInfo
from streamer.types import Frame

pytestmark = pytest.mark.usefixtures("fake_networks")
OLD = b"what an earlier run wrote\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12))
    write_video(tmp_path / "b.avi", drive(12, colour=GREEN))
    (tmp_path / "damaged.mp4").write_bytes(b"no video at all" * 99)
    return tmp_path


@pytest.mark.parametrize(
    ("option", "value", "file"),
    [
        ("--csv", "p.csv", "p.csv"),
        ("--jsonl", "p.jsonl", "p.jsonl"),
        ("--video", "v.mp4", "v.mp4"),
        ("--video", "v-{hour}.mkv", None),
        ("--video", "videos", "videos/damaged.mp4"),
        ("--mot", "t.txt", "t.txt"),
        ("--record", "r.jsonl.gz", "r.jsonl.gz"),
        ("--ledger", "why", "why/ledger.jsonl"),
    ],
)
def test_a_source_that_cannot_be_opened_leaves_them_as_they_are(
    folder: Path, option: str, value: str, file: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if file is None:
        monkeypatch.setattr("streamer.sink.names.Template.filled", lambda self, now, **_: Path("v-00.mkv"))
        file = "v-00.mkv"
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(OLD)
    assert alpr("run", "damaged.mp4", option, value, "--replace", "--quiet") == 3
    assert (folder / file).read_bytes() == OLD
    if "videos" not in value:
        assert alpr("run", "a.avi", option, value, "--replace", "--quiet") == 0
        assert OLD not in (folder / file).read_bytes()


def test_a_longer_file_is_replaced_whole(folder: Path) -> None:
    assert alpr("run", "a.avi", "--mot", "t.txt", "--record", "r.gz", "--video", "v.mp4", "--quiet") == 0
    fresh = {name: (folder / name).read_bytes() for name in ("t.txt", "r.gz", "v.mp4")}
    for name in fresh:
        (folder / name).write_bytes(b"x" * 500_000)
    assert alpr("run", "a.avi", "--mot", "t.txt", "--record", "r.gz", "--video", "v.mp4", "--replace", "--quiet") == 0
    assert {name: (folder / name).read_bytes() for name in fresh} == fresh


def test_notes_on_the_source_come_before_the_question(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", "a.avi", "--csv", "p.csv", "--quiet") == 0
    before = (folder / "p.csv").read_bytes()
    assert alpr("run", "damaged.mp4", "--csv", "p.csv") == 3  # and not: overwrite it?
    two_tracks(folder / "both.mkv")
    capsys.readouterr()
    assert alpr("run", "both.mkv", "--csv", "p.csv") == 2
    told = capsys.readouterr().err
    assert "track 2 (mpeg4 320x180) is not: --video-track 2 reads that one" in told
    assert "holds rows of a.avi: add --append" in told
    assert (folder / "p.csv").read_bytes() == before


def test_rows_of_each_track_are_its_own(folder: Path) -> None:
    two_tracks(folder / "both.mkv")
    assert alpr("run", "both.mkv", "--video-track", "1", "--csv", "p.csv", "--quiet") == 0
    assert alpr("run", "both.mkv", "--video-track", "2", "--csv", "p.csv", "--quiet") == 2
    assert alpr("run", "both.mkv", "--video-track", "2", "--csv", "p.csv", "--append", "--quiet") == 0
    lines = [line.split(",") for line in (folder / "p.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert [line[0] for line in lines] == ["both (track 1).mkv", "both (track 2).mkv"]
    assert len({line[2] for line in lines}) == 2  # two plates
    assert alpr("run", "both.mkv", "--video-track", "3", "--quiet") == 3


def test_a_replay_asks_like_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert alpr("run", f"{name}.avi", "--csv", f"{name}.csv", "--record", f"{name}.gz", "--quiet") == 0
    a, b = (folder / "a.csv").read_bytes(), (folder / "b.csv").read_bytes()
    assert alpr("replay", "b.gz", "--csv", "a.csv", "--quiet") == 2
    assert "a.csv: holds rows of a.avi: add --append to keep that, --replace" in capsys.readouterr().err
    assert (folder / "a.csv").read_bytes() == a
    assert alpr("replay", "a.gz", "--csv", "a.csv") == 0
    assert "its rows of an earlier run are replaced" in capsys.readouterr().err
    assert (folder / "a.csv").read_bytes() == a
    assert alpr("replay", "b.gz", "--csv", "a.csv", "--append", "--quiet") == 0
    assert (folder / "a.csv").read_bytes() == a + b.split(b"\n", 1)[1]
    assert alpr("replay", "b.gz", "--csv", "a.csv", "--replace", "--quiet") == 0
    assert (folder / "a.csv").read_bytes() == b


@pytest.mark.parametrize(
    ("address", "frames", "clock", "camera"),
    [
        ("rtsp://gate/1", None, "arrival", True),
        ("rtsp://gate/1", None, "given", True),
        ("clip.mp4", None, "arrival", True),  # played like a camera
        ("clip.mp4", None, "container", False),
        ("http://server/clip.mp4", 100, "container", False),
    ],
)
def test_a_recording_of_a_camera_holds_one_run_of_many(
    address: str, frames: int | None, clock: str, camera: bool
) -> None:
    source = RecordedSource(StreamInfo("x", 320, 180, frames=frames, address=address), Networks(0.5, ("A",)))
    source.recorded.append(Frame(0, 0.0, 320, 180, time_source=clock))  # type: ignore[arg-type]
    assert source.of_camera == camera


def test_ready_is_an_option_of_metrics(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[object] = []

    @contextmanager
    def serve(request: RunRequest, stop: object) -> Iterator[None]:
        served.append((request.metrics, request.config.live.ready))
        yield None

    monkeypatch.setattr(RunRequest, "served", serve)
    for more in ([], ["--ready", "all"], ["--ready", "any"]):
        assert alpr("run", "a.avi", "--metrics", "9464", "--quiet", *more) == 0
    assert served == [("9464", "any"), ("9464", "all"), ("9464", "any")]
    (folder / "all.yaml").write_text("live: {ready: all}\n")
    assert alpr("run", "a.avi", "--metrics", "9464", "--config", "all.yaml", "--ready", "any", "--quiet") == 0
    assert served[-1] == ("9464", "any")
    assert alpr("run", "a.avi", "--ready", "all") == 2
    assert "give --metrics PORT too" in capsys.readouterr().err


def two_tracks(path: Path) -> None:
    from fractions import Fraction

    import av

    with av.open(str(path), "w") as out:
        streams = [out.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        shown = [drive(12, colour=colour) for colour in (BLUE, GREEN)]
        for k in range(12):
            for stream, pictures in zip(streams, shown, strict=True):
                frame = av.VideoFrame.from_ndarray(pictures[k], "bgr24")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode())
