"""Where rows go: names by template, parts by size, what is there already, disks that are full for a while."""

from __future__ import annotations

import errno
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import passage_of

from streamer.config.models import RowsConfig
from streamer.errors import ConfigError, OutputError
from streamer.sink.csv import CsvSink
from streamer.sink.names import Template
from streamer.sink.parts import Form
from streamer.sink.rows import FIELDS, RowFiles

NEVER = RowsConfig(fsync="never")
HEAD = Form(b"h\n")
MORNING, NOON, NEXT = datetime(2026, 1, 31, 8, 5), datetime(2026, 1, 31, 12), datetime(2026, 2, 1)


@pytest.mark.parametrize(
    ("text", "camera", "name"),
    [
        ("a.csv", "gate", "a.csv"),
        ("{camera}.csv", "gate", "gate.csv"),
        ("{camera}.csv", "rtsp://h/a b", "rtsp_h_a_b-d2079dbd.csv"),
        ("{camera}.csv", "../../etc/passwd", "etc_passwd-3754d6cb.csv"),
        ("{camera}.csv", "门口", "门口.csv"),
        ("{camera}.csv", "///", "camera-732c4e97.csv"),
        ("{date}/{camera}-{hour}.csv", "gate", "2026-01-31/gate-08.csv"),
        ("{{x}}.csv", "gate", "{x}.csv"),
    ],
)
def test_names_are_filled_in(text: str, camera: str, name: str) -> None:
    assert Template(Path(text), FIELDS).filled(MORNING, camera=camera) == Path(name)


@given(st.text())
def test_no_camera_leaves_the_folder(camera: str) -> None:
    path = Template(Path("out/{camera}.csv"), FIELDS).filled(MORNING, camera=camera)
    assert path.parent == Path("out")
    assert path.name not in (".csv", "..csv")


@pytest.mark.parametrize(
    ("text", "message"), [("{day}.csv", r"\{day\} is not known"), ("{.csv", "write {{ for a brace")]
)
def test_names_that_cannot_be_filled_in(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        CsvSink(tmp_path / text)


class Hours:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


def names(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_new_day_is_a_new_file(tmp_path: Path) -> None:
    clock = Hours()
    files = RowFiles(tmp_path / "{date}.csv", NEVER, form=HEAD, clock=clock)
    files.write("a", b"1\n")
    clock.now = NOON
    files.write("b", b"2\n")
    clock.now = NEXT
    files.write("a", b"3\n")
    files.close()
    assert names(tmp_path) == {"2026-01-31.csv": "h\n1\n2\n", "2026-02-01.csv": "h\n3\n"}


def test_each_camera_has_its_own(tmp_path: Path) -> None:
    files = RowFiles(tmp_path / "d" / "{camera}.csv", NEVER, form=HEAD)
    for k in range(150):  # more than may be open at once, over and over
        files.write(f"c{k % 75}", b"%d\n" % k)
    files.close()
    assert len(names(tmp_path)) == 75
    assert names(tmp_path)["d/c3.csv"] == "h\n3\n78\n"


@pytest.mark.parametrize("append", [False, True])
def test_full_files_get_a_next_part(tmp_path: Path, append: bool) -> None:
    config = RowsConfig(fsync="never", rotate_mb=10e-6)
    for _ in range(2):  # a second run goes on with the last part, or writes all anew
        files = RowFiles(tmp_path / "p.csv", config, form=HEAD, append=append)
        for row in (b"1234\n", b"56\n", b"a row longer than all\n", b"78\n"):
            files.write("a", row)
        files.close()
    parts = {"p.csv": "h\n1234\n56\n", "p-2.csv": "h\na row longer than all\n", "p-3.csv": "h\n78\n"}
    if append:
        parts = {**parts, "p-3.csv": "h\n78\n1234\n", "p-4.csv": "h\n56\n", "p-5.csv": "h\na row longer than all\n"}
        parts["p-6.csv"] = "h\n78\n"
    assert names(tmp_path) == parts


def test_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "gate.csv").write_text("x,y\n")
    sink = CsvSink(tmp_path / "{camera}.csv", append=True, config=NEVER)
    with pytest.raises(ConfigError, match=r"gate.csv: has other columns"):
        sink.passage(passage_of(camera="gate"))


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may be larger: the system writes a part of a row and then refuses, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_row_that_a_full_disk_refused_can_be_given_again(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "p.csv", config=NEVER)
    sink.passage(passage_of(track_id=1))
    whole = (tmp_path / "p.csv").read_bytes()
    with disk_of(len(whole) + 20):
        for _ in range(2):
            with pytest.raises(OutputError, match="cannot be written"):
                sink.passage(passage_of(track_id=2))
        assert (tmp_path / "p.csv").read_bytes() == whole  # and no part of a row
    for k in (2, 3):
        sink.passage(passage_of(track_id=k))
    sink.close()
    rows = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert [r.split(",")[1] for r in rows] == ["track_id", "1", "2", "3"]
    assert sink.result() == f"3 rows in {tmp_path / 'p.csv'}"


@pytest.mark.parametrize(("policy", "times"), [("row", 3), ("never", 0)])
def test_rows_are_put_on_the_disk(policy: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("streamer.sink.parts.os.fsync", synced.append)
    sink = CsvSink(tmp_path / "p.csv", config=RowsConfig.model_validate({"fsync": policy}))
    for _ in range(3):
        sink.passage(passage_of())
    sink.close()
    assert len(synced) == times


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError) as caught:
        CsvSink(tmp_path / "file" / "p.csv")
    assert errno.ENOTDIR
    assert "file" in str(caught.value)
