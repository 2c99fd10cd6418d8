"""`alpr archive` with the shipped networks: rows, processes that are killed, and what a user can get wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from streamkit import alpr

from streamer.cli.archive import Duration, line_of
from streamer.cluster.archive.driver import Progress


def with_key_frames(clip: Path, target: Path, gop: int = 25) -> Path:
    """The clip, encoded with a key frame every `gop` frames."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        given = source.streams.video[0]
        stream = out.add_stream("libx264", rate=given.average_rate)
        stream.width, stream.height, stream.pix_fmt = given.width, given.height, "yuv420p"
        stream.options = {"g": str(gop), "preset": "ultrafast", "crf": "18"}
        for frame in source.decode(given):
            frame.pict_type = av.video.frame.PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return target


def lines_of(out: Path, kind: str) -> list[dict[str, object]]:
    path = out / "manifest.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["type"] == kind]


def children(pid: int) -> list[int]:
    """The worker processes of a run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == pid and b"spawn_main" in command and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")
def test_killed_workers_and_runs_cost_no_row(repo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    video = with_key_frames(repo / "tests/clips/demo.mp4", folder / "clip.mp4")
    assert alpr("run", video, "--csv", tmp_path / "run.csv", "--quiet") == 0
    command = [sys.executable, "-m", "streamer.cli", "archive", str(folder), "--out", str(tmp_path / "out")]
    command += ["--segment", "1.5s", "--overlap", "0.5s", "--workers", "1"]
    environment = {**os.environ, "ALPR_CORES": str(tmp_path / "cores")}
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        wait_for_pieces(tmp_path / "out", 1, run)
        (worker,) = children(run.pid)
        os.kill(worker, signal.SIGKILL)
        wait_for_pieces(tmp_path / "out", 2, run)
        workers = children(run.pid)
        run.send_signal(signal.SIGKILL)
    finally:
        run.kill()
        run.communicate()
    end = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):  # they end with the run
        assert time.monotonic() < end
        time.sleep(0.05)
    before = len(lines_of(tmp_path / "out", "piece"))
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "of 1 files" in done.stderr
    (csv,) = (tmp_path / "out/rows").glob("*.csv")
    assert csv.read_bytes() == (tmp_path / "run.csv").read_bytes()
    assert len(csv.read_text().splitlines()) == 4
    assert len(lines_of(tmp_path / "out", "piece")) == 3  # none was read twice
    assert before >= 2
    assert (tmp_path / "out/_SUCCESS").exists()
    assert not list((tmp_path / "out").rglob("*.part"))
    (row,) = lines_of(tmp_path / "out", "file")
    assert (row["segments"], row["fault"], row["whole"]) == (3, "", "")
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0
    assert "(1 by an earlier run)" in again.stderr


def wait_for_pieces(out: Path, count: int, run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 180
    while len(lines_of(out, "piece")) < count:
        assert run.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_a_user_can_get_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "a.mp4").write_bytes(b"x")
    out = tmp_path / "out"
    for arguments, code, told in [
        ((), 2, "SOURCE is missing"),
        ((tmp_path / "empty",), 3, "no video is in it or below"),
        ((tmp_path / "none.mp4",), 3, "no such file or folder"),
        ((tmp_path / "a.mp4", "--shard", "3/2"), 2, "--shard 3/2: expected I/N"),
        ((tmp_path / "a.mp4", "--segment", "soon"), 2, "'soon': expected seconds or a number"),
        ((tmp_path / "a.mp4", "--detector", "nobody"), 5, "model 'nobody' is not in"),
        ((tmp_path / "a.mp4", "--set", "read.evry=3"), 2, "evry"),
        ((tmp_path / "a.mp4", "--country", "XX"), 2, "XX"),
    ]:
        assert alpr("archive", *arguments, "--out", out) == code
        error = capsys.readouterr().err
        assert told in error
        assert len([line for line in error.splitlines() if "error" in line]) == 1
    pytest.importorskip("ray", reason="ray is not installed")
    assert alpr("archive", tmp_path / "a.mp4", "--out", out, "--address", f"127.0.0.1:{port}") == 2
    assert f"no cluster answers at 127.0.0.1:{port}" in capsys.readouterr().err
    assert alpr("archive", tmp_path / "a.mp4", "--out", out, "--address", "auto", "--workers", "2") == 2
    assert "--workers: is for --address local" in capsys.readouterr().err
    assert not (out / "rows").exists()


def test_durations() -> None:
    convert = Duration().convert
    found = [convert(text, None, None) for text in ("90", "30s", "5min", "1.5h", "2 m", 7)]
    assert found == [90, 30, 300, 5400, 120, 7]


def test_progress_says_how_fast_and_how_long() -> None:
    progress = Progress(files=10, done=2, kept=1, rows=7, bytes=1000, bytes_done=300, bytes_kept=100, video_s=1200)
    progress.seconds = 60.0
    assert progress.left_s == pytest.approx(210)
    assert line_of(progress) == "3 of 10 files (30%), 7 rows, 20:00 of video at 20.0 times real time, 3:30 left"
    progress.failed, progress.again = 1, 2
    assert line_of(progress).endswith("1 failed, 2 tasks tried again")
    assert Progress().left_s is None
