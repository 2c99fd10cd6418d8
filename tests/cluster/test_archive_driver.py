"""The driver of an archive, with networks without weights and a pool in this process: what is done in which order, what
a restart goes on from, and what becomes of files that fail."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from archivekit import HerePool, config_of, engines_of, in_one, recording
from streamkit import alpr

from streamer.cluster.archive import tasks
from streamer.cluster.archive.driver import Archive, Progress, Settings
from streamer.cluster.archive.files import entries_of, of_shard
from streamer.cluster.archive.manifest import Manifest
from streamer.errors import ModelError

CONFIG = config_of()
ENGINES = engines_of(CONFIG)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long recording, two short ones, one that is truncated, and one that is no video."""
    folder = tmp_path_factory.mktemp("in")
    recording(folder / "long.mp4", 90)
    recording(folder / "short.mp4", 30)
    (folder / "gate").mkdir()
    recording(folder / "gate/short.mp4", 30, noise=5)
    cut = recording(folder / "cut.mkv", 60)
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    (folder / "no.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, list[tuple[str, ...]]]:
    names = ("long.mp4", "short.mp4", "gate/short.mp4")
    return {name: in_one(folder / name, CONFIG, ENGINES) for name in names}


@pytest.fixture(autouse=True)
def without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "engines_of", lambda job: ENGINES)


def archive(
    out: Path, sources: list[str], pool: HerePool, *, stop_after: int = 10**9, shard: Any = None, **settings: Any
) -> Progress:
    manifest = Manifest(out, {"version": "1"}, shard)
    entries = of_shard(entries_of(sources), shard)
    chosen = Settings(CONFIG, "int8-a", **{"segment_s": 0.8, "overlap_s": 0.4, **settings})
    seen: list[Progress] = []
    try:
        run = Archive(entries, manifest, chosen, pool)
        done = run.run(seen.append, lambda: len(pool.done) >= stop_after)
        if done.done + done.kept == done.files and not done.failed:
            manifest.succeed(entries, shard)
        return done
    finally:
        manifest.close()


def rows_of(out: Path) -> dict[str, list[tuple[str, ...]]]:
    """The rows by camera name."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for path in sorted((out / "rows").glob("*.csv")):
        with path.open(newline="") as stream:
            for row in list(csv.reader(stream))[1:]:
                found.setdefault(row[0], []).append(tuple(row))
    return found


def without_name(rows: dict[str, list[tuple[str, ...]]]) -> dict[str, list[tuple[str, ...]]]:
    return {name: [row[1:] for row in every] for name, every in rows.items()}


GOOD = ("long.mp4", "short.mp4", "gate")


def good(folder: Path) -> list[str]:
    return [str(folder / "long.mp4"), str(folder / "short.mp4")]


def test_rows_of_each_file_are_those_of_a_run(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    pool = HerePool()
    done = archive(tmp_path, [str(folder)], pool)
    found = rows_of(tmp_path)
    for name, rows in expected.items():
        assert [row[1:] for row in found[name]] == [row[1:] for row in rows]
    assert (done.files, done.done, done.failed) == (5, 5, 2)
    assert {Path(path).name for path, _ in done.failures} == {"cut.mkv", "no.mp4"}
    told = {Path(path).name: reason for path, reason in done.failures}
    assert "not a video that can be read" in told["no.mp4"]
    assert "truncated at" in told["cut.mkv"] or "damaged" in told["cut.mkv"]
    assert found["cut.mkv"]  # the rows before the fault are kept
    assert not (tmp_path / "_SUCCESS").exists()
    assert pool.done.count("read_piece") == 5
    assert pool.done.count("put_together") == 1
    assert done.bytes_done == pytest.approx(done.bytes)
    assert done.left_s == pytest.approx(0.0)


def test_failed_files_are_read_again_on_request_only(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "in"
    own.mkdir()
    video = own / "a.mp4"
    video.write_bytes(b"no video")
    first = archive(tmp_path / "out", [str(own)], HerePool())
    again = archive(tmp_path / "out", [str(own)], pool := HerePool())
    assert (first.failed, again.failed, again.kept, pool.done) == (1, 1, 1, [])
    assert again.failures == first.failures
    assert archive(tmp_path / "out", [str(own)], pool, retry_failed=True).done == 1
    assert pool.done == ["read_file"]
    video.write_bytes((folder / "short.mp4").read_bytes())  # another file by now: no option is needed
    assert archive(tmp_path / "out", [str(own)], HerePool()).failed == 0
    assert (tmp_path / "out/_SUCCESS").exists()


def test_a_stopped_run_goes_on(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    names: list[str] = []
    for count in (2, 2, 2, 100):
        pool = HerePool()
        done = archive(tmp_path, good(folder), pool, stop_after=count)
        names += pool.done
    assert done.done + done.kept == 2
    assert names.count("read_piece") == 5  # none was read twice
    assert without_name(rows_of(tmp_path)) == without_name({k: expected[k] for k in ("long.mp4", "short.mp4")})
    assert (tmp_path / "_SUCCESS").exists()
    assert not (tmp_path / "work").exists()


def test_shards_together_are_one_run(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    for k in (1, 2, 3):
        archive(tmp_path, [*good(folder), str(folder / "gate")], HerePool(), shard=(k, 3))
    found = rows_of(tmp_path)
    assert sum(map(len, found.values())) == sum(map(len, expected.values()))
    assert (tmp_path / "_SUCCESS").exists()


def test_lost_tasks_are_tried_again_and_not_for_ever(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    lost: list[str] = []

    def twice(work: Any, argument: Any) -> Any:
        lost.append(work.__name__)
        return ("lost", "its process was killed (SIGKILL)") if lost.count(work.__name__) <= 2 else None

    done = archive(tmp_path / "a", [str(folder / "long.mp4")], HerePool(twice))
    assert (done.failed, done.again) == (0, 6)
    assert without_name(rows_of(tmp_path / "a")) == without_name({"long.mp4": expected["long.mp4"]})
    done = archive(tmp_path / "b", [str(folder / "long.mp4")], HerePool(lambda *_: ("lost", "it was killed")))
    assert done.failures == [(str(folder / "long.mp4"), f"{folder / 'long.mp4'}: it was killed, 5 times")]


def test_segments_that_do_not_fit_are_read_in_one_piece(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    def uneven(work: Any, argument: Any) -> Any:
        fault = work.__name__ == "put_together"
        return ("done", tasks.Piece(b"", 0.1, "a picture differs between segments")) if fault else None

    pool = HerePool(uneven)
    done = archive(tmp_path, [str(folder / "long.mp4")], pool)
    assert done.failed == 0
    assert pool.done[-1] == "read_whole"
    assert without_name(rows_of(tmp_path)) == without_name({"long.mp4": expected["long.mp4"]})
    assert '"whole": "a picture differs between segments"' in (tmp_path / "manifest.jsonl").read_text()


def test_a_fault_of_the_program_fails_its_file_and_a_missing_network_the_run(folder: Path, tmp_path: Path) -> None:
    bug = HerePool(lambda *_: ("failed", RuntimeError("ValueError: x (a.py:1)")))
    done = archive(tmp_path / "a", [str(folder / "short.mp4")], bug)
    assert (done.bugs, done.failed) == (1, 1)
    with pytest.raises(ModelError, match="no such network"):
        archive(tmp_path / "b", good(folder), HerePool(lambda *_: ("failed", ModelError("no such network"))))


def test_a_file_that_vanishes_is_named(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "a.mp4"
    own.write_bytes((folder / "long.mp4").read_bytes())

    def vanish(work: Any, argument: Any) -> None:
        if work.__name__ == "put_together":
            own.unlink(missing_ok=True)

    done = archive(tmp_path / "out", [str(own)], HerePool(vanish))
    assert done.failed == 1
    assert "no such file" in done.failures[0][1]


def test_cameras_by_the_folder_of_a_file(folder: Path, tmp_path: Path) -> None:
    archive(tmp_path, [str(folder / "gate")], HerePool(), camera="cam-{parent}")
    assert set(rows_of(tmp_path)) == {"cam-gate"}


def test_cadence_auto_is_read_in_one_piece(folder: Path, tmp_path: Path) -> None:
    auto = CONFIG.model_copy(update={"cadence": "auto"})
    job = tasks.Job(str(folder / "long.mp4"), "long.mp4", auto, "", 0.8, 0.4)
    rows = tasks.read_file(job)
    assert isinstance(rows, tasks.FileRows)
    assert rows.whole.startswith("cadence: auto")
    assert rows.seconds == pytest.approx(3.6, abs=0.1)


def test_a_worker_refuses_other_networks(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.undo()
    with pytest.raises(ModelError, match="the run int8-other: install the same files"):
        tasks.engines_of(tasks.Job("a", "a", CONFIG, "int8-other", 1, 1))


def test_the_command_from_end_to_end(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the pool of this process: what is printed, and the exit codes."""
    interrupt = [0]

    def after_two(work: Any, argument: Any) -> None:
        interrupt[0] += 1
        if interrupt[0] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("streamer.cluster.local.LocalPool", lambda workers, cores: HerePool(after_two))
    out = tmp_path / "out"
    command = ("archive", folder / "long.mp4", folder / "gate", "--out", out, "--segment", "0.8s", "--overlap", "0.4")
    assert alpr(*command) == 130
    assert "1 left: the same command goes on" in capsys.readouterr().err
    assert not (out / "_SUCCESS").exists()
    assert alpr(*command) == 0
    assert "rows of 2 files (1 by an earlier run) in" in capsys.readouterr().err
    assert alpr(*command) == 0
    assert "2 files (2 by an earlier run)" in capsys.readouterr().err
    assert (out / "_SUCCESS").exists()
    assert alpr(*command, "--set", "read.every=5") == 2
    assert "read.every was 3, is 5" in capsys.readouterr().err
    assert alpr("archive", folder / "no.mp4", "--out", tmp_path / "other") == 3
    told = capsys.readouterr().err
    assert "no.mp4: not a video that can be read" in told
    assert "1 failed (--retry-failed reads them again)" in told
    assert alpr("archive", folder / "no.mp4", "--out", tmp_path / "other", "--quiet") == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
