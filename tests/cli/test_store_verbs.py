"""`alpr find`, `alpr store` and `alpr run --store` as a user calls them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from storekit import row
from streamkit import alpr, drive, write_video

from streamer.sink.events import PassageFinal
from streamer.store.sink import StoreSink


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with three rows, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    sink = StoreSink("plates.db")
    for number, plate in enumerate(["B83A7", "AB123", "津A12345"]):
        sink.write(PassageFinal("gate", row(number, plate)))
    sink.close()
    return "plates.db"


@pytest.fixture(autouse=True)
def zone_as_before() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    if before is None:
        os.environ.pop("TZ", None)
    time.tzset()


def test_find_prints_local_times(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("find", "B?3*7", "--store", store) == 0
    printed = capsys.readouterr().out
    assert "B83A7" in printed
    assert "2026-03-01 13:30:00" in printed
    assert alpr("find", "QQ", "--store", store) == 0
    assert capsys.readouterr().err == "no passage matches\n"


def test_find_prints_json(store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPR_STORE", store)
    assert alpr("find", "B93A7", "--edits", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["plate"], found["match"], found["first_seen"]) == ("B83A7", 1, "2026-03-01T08:00:00.123456+00:00")
    assert alpr("find", "AB123", "--likely", "--json") == 0
    assert json.loads(capsys.readouterr().out)["match"] == 0


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--since", "2026-03-01T13:31"], 2), (["--until", "2026-03-01T08:01:00+00:00"], 1),
        (["--since", "1d"], 0), (["--camera", "yard"], 0), (["--since", "2026-03-01"], 3), (["--limit", "1"], 1),
    ],
)  # fmt: skip
def test_find_within_a_time(store: str, capsys: pytest.CaptureFixture[str], arguments: list[str], count: int) -> None:
    given = datetime.fromisoformat("2026-03-01T08:01:00.123456+00:00")
    assert given.astimezone().hour == 13
    assert alpr("find", "A", "--store", store, "--json", *arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == count


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["find", "A"], "--store is missing"),
        (["find", "A", "--store", "plates.db", "--exact", "--likely", "0.1"], "give one"),
        (["find", "A", "--store", "plates.db", "--since", "yesterday"], "expected a time like 2026-01-31"),
        (["find", "*", "--store", "plates.db"], "names no character"),
        (["find", "A", "--store", "none.db"], "no such store"),
        (["store", "stats", "mysql://root:hunter22@host/db"], "no address of a store"),
        (["store", "export", "plates.db"], "nothing to write"),
        (["store", "import", "plates.db", "none.csv"], "none.csv: cannot be read"),
    ],
)
def test_faults_in_one_line(store: str, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    assert alpr(*arguments) in (2, 3)
    printed = capsys.readouterr().err
    assert told in printed
    assert printed.count("\n") == 1
    assert "hunter22" not in printed


def test_upkeep(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("store", "export", store, "--csv", "o.csv", "--jsonl", "o.jsonl", "--parquet", "o.parquet") == 0
    assert "o.parquet: 3 rows" in capsys.readouterr().err
    assert alpr("store", "import", "other.db", "o.csv") == 0
    assert "o.csv: 3 rows, 3 of them new or changed" in capsys.readouterr().err
    assert alpr("store", "stats", "other.db", "--json") == 0
    assert json.loads(capsys.readouterr().out)["passages"] == 3
    assert alpr("store", "stats", "other.db") == 0
    assert "passages     3\n" in capsys.readouterr().out
    assert alpr("store", "vacuum", "other.db") == 0
    assert alpr("store", "migrate", "other.db") == 0
    assert "is of version 0" in capsys.readouterr().err
    assert alpr("store", "verify", "other.db") == 0
    assert "no fault" in capsys.readouterr().err


def test_verify_ends_with_3_where_something_is_wrong(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(f"{store}.files")
    folder.mkdir()
    (folder / "x.png").touch()
    assert alpr("store", "verify", store) == 3
    told = capsys.readouterr()
    assert "x.png: belongs to no row" in told.out
    assert "1 fault:" in told.err


@pytest.mark.usefixtures("fake_networks")
def test_a_run_with_a_store_writes_the_rows_of_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12))
    assert alpr("run", "a.avi", "--csv", "a.csv", "--store", "plates.db", "--quiet") == 0
    assert alpr("run", "a.avi", "--csv", "again.csv", "--store", "plates.db", "--quiet") == 0  # the same rows again
    assert Path("again.csv").read_bytes() == Path("a.csv").read_bytes()
    assert alpr("store", "export", "plates.db", "--csv", "out.csv") == 0
    assert alpr("store", "export", "plates.db", "--csv", "out.csv", "--camera", "none") == 2
    assert "out.csv: exists already: add --replace to overwrite it, or give another name" in capsys.readouterr().err
    assert Path("out.csv").read_bytes() == Path("a.csv").read_bytes()
    assert alpr("store", "export", "plates.db", "--csv", "out.csv", "--replace") == 0
    assert Path("out.csv").read_bytes() == Path("a.csv").read_bytes()
    Path("c.yaml").write_text("outputs: [{type: store, path: own.db, crops: true, snapshots: true}]\n")
    assert alpr("run", "a.avi", "--config", "c.yaml", "--quiet") == 0
    assert alpr("store", "verify", "own.db") == 0
    assert len([*Path("own.db.files").rglob("*.*g")]) == 2
    capsys.readouterr()


@pytest.mark.usefixtures("fake_networks")
@pytest.mark.parametrize(
    ("where", "code", "told"),
    [
        ("a.csv", 2, "a.csv: is used for two outputs"), ("a.avi", 2, "is the source as well as an output"),
        ("postgresql://u:hunter22@127.0.0.1:1/x", 2, "check that the database server is running"),
        ("other.txt", 2, "is no SQLite file"), ("other.txt/p.db", 4, "cannot be opened"),
    ],
)  # fmt: skip
def test_stores_that_a_run_cannot_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    where: str,
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(2))
    Path("other.txt").write_text("no database, but some text\n")
    assert alpr("run", "a.avi", "--csv", "a.csv", "--store", where, "--quiet") == code
    printed = capsys.readouterr().err
    assert told in printed
    assert printed.count("\n") == 1
    assert "hunter22" not in printed
