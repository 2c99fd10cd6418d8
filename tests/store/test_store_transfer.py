"""Import, export, numbers and checks of a store, in both databases."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, func, select, text
from storekit import WHEN, row

from streamer.errors import InputError, OutputError
from streamer.sink.csv import CsvSink
from streamer.sink.events import PassageFinal
from streamer.sink.jsonl import JsonlSink
from streamer.store import schema
from streamer.store.database import Database, open_database
from streamer.store.maintain import vacuum
from streamer.store.sink import StoreSink
from streamer.store.stats import stats
from streamer.store.transfer import Imported, Selection, export_file, import_file
from streamer.store.verify import verify
from streamer.types import Passage

LOCAL = timezone(timedelta(hours=-3, minutes=-30))
ROWS = [
    row(1),
    row(2, "津A1234?", camera="=gate", crossed=("a+", "b-"), flags=("edge", "static")),
    row(3, "-X1", first_seen=WHEN.astimezone(LOCAL), last_seen=WHEN.astimezone(LOCAL), zone="@x"),
    row(4, first_seen=None, last_seen=None, time_source="unknown", last_s=1.2345678, flags=()),
    row(5, "AB123", last_box=(10.0, 20.0, 100.0, 45.0)),
]


def files(folder: Path, rows: list[Passage]) -> tuple[Path, Path]:
    sinks = CsvSink(folder / "rows.csv"), JsonlSink(folder / "rows.jsonl")
    for sink in sinks:
        for passage in rows:
            sink.write(PassageFinal("", passage))
        sink.close()
    return sinks[0].path, sinks[1].path


def count(database: Database, table: object) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_what_is_imported_is_exported_byte_for_byte(where: str, tmp_path: Path) -> None:
    as_csv, as_jsonl = files(tmp_path, ROWS)
    with open_database(where, create=True) as database:
        assert import_file(database, as_jsonl) == Imported(5, 5)
        assert import_file(database, as_jsonl) == Imported(5, 0)
        assert export_file(database, tmp_path / "out.csv", "csv") == 5
        assert export_file(database, tmp_path / "out.jsonl", "jsonl") == 5
    assert (tmp_path / "out.csv").read_bytes() == as_csv.read_bytes()
    assert (tmp_path / "out.jsonl").read_bytes() == as_jsonl.read_bytes()


def test_a_csv_comes_back_byte_for_byte(where: str, tmp_path: Path) -> None:
    as_csv, _ = files(tmp_path, ROWS)
    with open_database(where, create=True) as database:
        assert import_file(database, as_csv) == Imported(5, 5)
        export_file(database, tmp_path / "out.csv", "csv")
        assert [*verify(database, None)] == []
    assert (tmp_path / "out.csv").read_bytes() == as_csv.read_bytes()


def test_a_run_stores_what_it_writes_to_the_csv(where: str, tmp_path: Path) -> None:
    as_csv, as_jsonl = files(tmp_path, ROWS)
    sink = StoreSink(where)
    for passage in ROWS:
        sink.write(PassageFinal("", passage))
    export_file(sink.database, tmp_path / "out.csv", "csv")
    export_file(sink.database, tmp_path / "out.jsonl", "jsonl")
    sink.close()
    assert (tmp_path / "out.csv").read_bytes() == as_csv.read_bytes()
    assert (tmp_path / "out.jsonl").read_bytes() == as_jsonl.read_bytes()


def test_provisional_lines_are_revisions(where: str, tmp_path: Path) -> None:
    lines = JsonlSink(tmp_path / "p.jsonl", provisional=True)
    lines.provisional(row(1, "AB12?"))
    lines.provisional(row(2))
    lines.provisional(row(2), withdrawn=True)
    lines.passage(row(1))
    lines.close()
    with open_database(where, create=True) as database:
        import_file(database, tmp_path / "p.jsonl")
        assert stats(database)["by_status"] == {"final": 1, "withdrawn": 1}
        assert count(database, schema.revisions) == 2


def test_rows_of_earlier_versions_without_ids(where: str, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(
        "camera,track_id,plate,confidence,first_frame,last_frame,best_frame,first_s,last_s,first_seen,last_seen,"
        'time_source,box,n_reads\r\ngate,1,AB123,0.9,1,20,5,0.04,0.8,,,unknown,"[1,2,3,4]",7\r\n'
    )
    with open_database(where, create=True) as database:
        assert import_file(database, path) == Imported(1, 1)
        assert import_file(database, path) == Imported(1, 0)


def test_exports_can_be_narrowed_and_are_noted(where: str, tmp_path: Path) -> None:
    with open_database(where, create=True) as database:
        import_file(database, files(tmp_path, ROWS)[1])
        assert export_file(database, tmp_path / "o.csv", "csv", Selection(camera="=gate"), who="anna") == 1
        with database.read() as connection:
            noted = connection.execute(select(schema.audit).order_by(schema.audit.c.id)).mappings().all()
    assert [n["action"] for n in noted] == ["import", "export"]
    assert json.loads(noted[1]["details"])["camera"] == "=gate"


def test_parquet_for_data_frames(where: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    with open_database(where, create=True) as database:
        import_file(database, files(tmp_path, ROWS)[1])
        assert export_file(database, tmp_path / "o.parquet", "parquet") == 5
    table = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert table[2]["first_seen"] == WHEN
    assert table[3]["first_seen"] is None
    assert table[0]["alternatives"] == [{"plate": "A8123", "probability": 0.04}]
    assert table[1]["crossed"] == ["a+", "b-"]
    assert not [*tmp_path.glob("*.part")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a,b\n1,2\n", r"rows.x:1: has no column camera"),
        ('{"camera": "gate"}\n', r"rows.x:1: is no row of this program \(lacks 'track_id'\)"),
        ("{\n", "rows.x:1: is no row"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
    ],
)
def test_files_that_are_no_rows(tmp_path: Path, content: str | bytes, told: str) -> None:
    path = tmp_path / "rows.x"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_database(tmp_path / "p.db", create=True) as database, pytest.raises(InputError, match=told):
        import_file(database, path)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("first_seen", "2026-01-01T00:00:00", "expected a time with its offset"), ("confidence", "NaN", "finite"),
        ("status", "final?", "expected one of final"), ("time_source", "guess", "expected one of"),
        ("box", [1, 2], r"\[x1,y1,x2,y2\]"), ("track_id", "x", "invalid literal"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_line(tmp_path: Path, key: str, value: object, told: str) -> None:
    _, path = files(tmp_path, ROWS[:1])
    good = json.loads(path.read_text())
    path.write_text(json.dumps(good) + "\n" + json.dumps({**good, key: value}) + "\n")
    with (
        open_database(tmp_path / "p.db", create=True) as database,
        pytest.raises(InputError, match=f"jsonl:2: .*{told}"),
    ):
        import_file(database, path)


def test_a_missing_file_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with open_database(tmp_path / "p.db", create=True) as database:
        with pytest.raises(InputError, match="cannot be read"):
            import_file(database, tmp_path / "none.csv")
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="cannot be written"):
            export_file(database, tmp_path / "file" / "o.parquet", "parquet")


def test_numbers_of_a_store(where: str, tmp_path: Path) -> None:
    with open_database(where, create=True) as database:
        import_file(database, files(tmp_path, ROWS)[1])
        found = stats(database)
    assert (found["passages"], found["plates"], found["by_status"]) == (5, 3, {"final": 5})
    assert [c["camera"] for c in found["cameras"]] == ["=gate", "gate"]
    assert found["bytes"] > 10_000
    assert "hunter22" not in json.dumps(found)


def test_vacuum_drops_plates_without_rows(where: str, tmp_path: Path) -> None:
    with open_database(where, create=True) as database:
        import_file(database, files(tmp_path, [row(k, f"P{k}") for k in range(400)])[1])
        with database.write() as connection:
            connection.execute(delete(schema.passages).where(schema.passages.c.id > 10))
        before, after = vacuum(database)
        assert count(database, schema.plates) == 10
        assert after < before or not database.is_sqlite  # PostgreSQL keeps the space for later rows


def test_verify_names_every_fault(where: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    sink = StoreSink(where, snapshots=True, crops=True, folder=str(folder))
    crop = np.zeros((4, 8, 3), np.uint8)
    for number in range(1, 5):
        slots = ((("A", 1.0),), (("", 1.0),))
        sink.write(PassageFinal("", row(number, crop=crop, snapshot=b"x", posterior=slots)))
    database = sink.database
    assert [*verify(database, folder)] == []
    assert "add --files" in next(verify(database, None))
    (folder / f"snapshot/00/{1:016x}.jpg").write_bytes(b"y")
    (folder / f"crop/00/{2:016x}.png").unlink()
    (folder / "stray.png").touch()
    with database.write() as connection:
        for column, value in (("details", "{"), ("status", "done"), ("time_source", "guess"), ("confidence", 1.5)):
            number = ["details", "status", "time_source", "confidence"].index(column) + 1
            connection.execute(text(f"UPDATE passages SET {column} = :v WHERE id = {number}"), {"v": value})
        connection.execute(schema.posteriors.update().values(slots=b"\x09").where(schema.posteriors.c.passage_id == 1))
    faults = [*verify(database, folder)]
    told = [
        "is no JSON", "status 'done'", "time_source 'guess'", "confidence 1.5", "newer version", "cannot be read",
        "was altered", "belongs to no row",
    ]  # fmt: skip
    assert len(faults) == len(told)
    for one in told:
        assert sum(one in fault for fault in faults) == 1, (one, faults)
    sink.close()
