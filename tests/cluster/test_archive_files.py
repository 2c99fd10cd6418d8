"""Which files an archive has, which shard each is in, and what the manifest keeps of them. No network is run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from streamer.cluster.archive import fetch
from streamer.cluster.archive.files import Entry, entries_of, file_system, of_shard, shard_of
from streamer.cluster.archive.manifest import Manifest, digest
from streamer.cluster.archive.settings import config_of_archive, settings_of
from streamer.config.models import RunConfig
from streamer.errors import ConfigError, InputError, OutputError
from streamer.sink.opening import write_atomically


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def test_folders_patterns_lists_and_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path / "a", "x.mp4", "gate/1/y.MKV", "gate/notes.txt", ".hidden/z.mp4", "gate/.z.mp4", "p.jpg")
    tree(tmp_path / "b", "x.mp4")
    monkeypatch.chdir(tmp_path)
    assert [one.name for one in entries_of(["a"])] == ["x.mp4", "gate/1/y.MKV"]
    assert [one.name for one in entries_of(["a/gate/1/y.MKV"])] == ["y.MKV"]
    assert [one.name for one in entries_of(["*/x.mp4"])] == ["a/x.mp4", "b/x.mp4"]
    assert [one.name for one in entries_of(["a/**/*.MKV", "b"])] == ["y.MKV", "x.mp4"]
    assert [one.path for one in entries_of(["a", "a/x.mp4"])] == [
        str(tmp_path / "a" / n) for n in ("x.mp4", "gate/1/y.MKV")
    ]
    (tmp_path / "list.txt").write_text(f"# cameras\n\n  b/x.mp4\nfile://{tmp_path}/a/x.mp4\n")
    for found in (entries_of(["@list.txt"]), entries_of([], [Path("list.txt")])):
        assert [one.path for one in found] == [str(tmp_path / "b/x.mp4"), str(tmp_path / "a/x.mp4")]
    facts = (tmp_path / "b/x.mp4").stat()
    assert entries_of(["b"]) == [Entry(str(tmp_path / "b/x.mp4"), "x.mp4", facts.st_size, str(facts.st_mtime_ns))]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("empty", "empty: no video is in it or below"),
        ("nowhere", "nowhere: no such file or folder"),
        ("*.mp4", "no file matches"),
        ("@none.txt", "list none.txt: cannot be read"),
        ("@blank.txt", "list blank.txt: names no file"),
        ("memory://nothing", "memory://nothing: no video is there"),
    ],
)
def test_sources_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str) -> None:
    monkeypatch.chdir(tree(tmp_path, "empty/notes.txt", "blank.txt"))
    (tmp_path / "blank.txt").write_text("# nothing\n")
    with pytest.raises(InputError) as error:
        entries_of([source])
    assert told in str(error.value)


def test_schemes_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"rtsp://\S*: is a camera, no archive"):
        entries_of(["rtsp://user:secret@cam/1"])
    with pytest.raises(ConfigError, match="no file system is known for nowhere://"):
        file_system("nowhere://x")
    registry = pytest.importorskip("fsspec.registry", reason="fsspec is not installed")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    registry._registry.pop("s3", None)
    with pytest.raises(ConfigError, match=r"alpr-streamer\[s3\]"):
        file_system("s3://bucket/a")


def test_shards_are_a_partition_that_no_other_file_moves() -> None:
    entries = [Entry(f"/a/{k}.mp4", f"{k}.mp4", 1, "") for k in range(200)]
    parts = [of_shard(entries, (k, 4)) for k in range(1, 5)]
    assert sorted(one.path for part in parts for one in part) == sorted(one.path for one in entries)
    assert all(30 < len(part) < 70 for part in parts)
    fewer = [of_shard(entries[::2], (k, 4)) for k in range(1, 5)]
    for part, less in zip(parts, fewer, strict=True):
        assert less == [one for one in part if one in entries[::2]]
    assert of_shard(entries, None) == entries
    assert shard_of("2/8") == (2, 8)
    for wrong in ("0/4", "5/4", "a/b", "3", "1/0", "-1/4"):
        with pytest.raises(ConfigError, match="expected I/N"):
            shard_of(wrong)


ENTRY = Entry("/a/x.mp4", "x.mp4", 100, "1")
FACTS = {"rows": 2, "fault": ""}


def test_the_manifest_goes_on_where_a_killed_run_stopped(tmp_path: Path) -> None:
    settings = {"version": "1", "read.every": 3}
    one = Manifest(tmp_path / "out", settings)
    piece = one.add_piece(ENTRY, "0:1:2", b"notes")
    one.close()
    with (tmp_path / "out/manifest.jsonl").open("ab") as stream:
        stream.write(b'{"type": "file", "fi')  # killed in the middle of a line
    two = Manifest(tmp_path / "out", settings)
    assert two.piece(ENTRY, "0:1:2") == piece
    assert two.piece(ENTRY, "2:3:4") is None
    assert two.piece(Entry("/a/x.mp4", "x.mp4", 101, "1"), "0:1:2") is None  # the file is another by now
    assert two.state(ENTRY) == ""
    two.add_file(ENTRY, {"rows/x.csv": b"a,b\n"}, FACTS)
    assert not piece.exists()
    assert not (tmp_path / "out/work").exists()
    two.close()
    three = Manifest(tmp_path / "out", settings)
    assert three.state(ENTRY) == "done"
    assert three.state(Entry("/a/x.mp4", "x.mp4", 100, "2")) == ""
    (tmp_path / "out/rows/x.csv").write_bytes(b"a,")
    assert three.state(ENTRY) == ""  # altered rows are no rows
    three.add_file(ENTRY, {"rows/x.csv": b""}, {**FACTS, "fault": "broken"})
    assert three.state(ENTRY) == "failed"
    lines = (tmp_path / "out/manifest.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["settings", "piece", "file", "file"]
    three.close()


def test_altered_pieces_are_not_used(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, {})
    piece = manifest.add_piece(ENTRY, "0:1:2", b"notes")
    piece.write_bytes(b"note")
    assert manifest.piece(ENTRY, "0:1:2") is None
    manifest.close()


def test_other_settings_are_told_and_not_mixed(tmp_path: Path) -> None:
    Manifest(tmp_path, {"version": "1", "read.every": 3, "networks": "int8-a"}).close()
    with pytest.raises(ConfigError, match=r"networks was \"int8-a\", is \"int8-b\"; read.every was 3, is 5"):
        Manifest(tmp_path, {"version": "1", "read.every": 5, "networks": "int8-b"})
    with pytest.raises(ConfigError, match="other settings"):  # nor by the shards of one folder
        Manifest(tmp_path, {"version": "2"}, (1, 2))


def test_two_runs_do_not_share_a_folder_but_shards_do(tmp_path: Path) -> None:
    one = Manifest(tmp_path, {}, (1, 2))
    with pytest.raises(ConfigError, match="another run writes there"):
        Manifest(tmp_path, {}, (1, 2))
    two = Manifest(tmp_path, {}, (2, 2))
    other = Entry("/a/y.mp4", "y.mp4", 1, "1")
    one.add_file(ENTRY, {"rows/x.csv": b"x"}, FACTS)
    two.add_file(other, {"rows/y.csv": b"y"}, FACTS)
    assert not one.succeed([ENTRY], (1, 2))
    assert not (tmp_path / "_SUCCESS").exists()
    assert two.succeed([other], (2, 2))
    done = json.loads((tmp_path / "_SUCCESS").read_text())
    assert done == {"files": 2, "rows": 4, "outputs": {"rows/x.csv": digest(b"x"), "rows/y.csv": digest(b"y")}}
    one.undo_success()
    assert not (tmp_path / "_SUCCESS").exists()
    assert (tmp_path / "_SUCCESS-2-of-2").exists()
    one.close()
    two.close()


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "rows/a.csv"
    write_atomically(target, b"before")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="free some space"):
        write_atomically(target, b"after")
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


def test_rows_depend_on_settings_of_recognition_only() -> None:
    config = RunConfig()
    facts = settings_of(config_of_archive(config, 1), None)
    assert facts["read.every"] == 3
    assert facts["networks"]
    assert facts == settings_of(config_of_archive(config, 4), None)
    assert "threads" not in facts
    assert facts != settings_of(config, "gate")
    assert facts != settings_of(config.with_options(min_score=0.6), None)


def test_remote_files_are_copied_once_and_dropped_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    monkeypatch.setenv("ALPR_SPOOL", str(tmp_path / "spool"))
    files = fsspec.filesystem("memory")
    for name in "ab":
        files.pipe_file(f"/box/{name}.mp4", name.encode() * 100)
    found = entries_of(["memory://box"])
    assert [(one.name, one.size) for one in found] == [("a.mp4", 100), ("b.mp4", 100)]
    paths = []
    for one in found:
        with fetch.local_copy(one.path) as path:
            paths.append(Path(path))
            assert Path(path).name == one.name
            assert Path(path).read_bytes() == one.name[:1].encode() * 100
            fetch.make_room(tmp_path / "spool", most=0)  # what is in use stays
            assert Path(path).exists()
    assert not paths[0].exists()
    fetch.forget(found[1].path)
    assert not paths[1].exists()
    files.rm("/box/a.mp4")
    with pytest.raises(InputError, match=r"a\.mp4: no such file: it is gone"), fetch.local_copy(found[0].path):
        pass
    with fetch.local_copy("/a/b.mp4") as path:
        assert path == "/a/b.mp4"
