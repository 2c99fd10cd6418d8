"""Import of CSV and JSON lines into the store, and export as CSV, JSON lines or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, select

from streamer.sink.arrow import arrow_row, arrow_schema
from streamer.sink.csv import COLUMNS
from streamer.sink.opening import open_output, output_errors, write_whole
from streamer.sink.table import encode_row
from streamer.store.audit import noted
from streamer.store.bulk import put_many
from streamer.store.database import Database
from streamer.store.extras import extra
from streamer.store.records import cells_of, json_line, records_of
from streamer.store.rows import record_of_row
from streamer.store.schema import cameras, passages
from streamer.store.write import Writer, with_names

Format = Literal["csv", "jsonl", "parquet"]

_BATCH = 2000
_ROW_GROUP = 100_000  # of a Parquet file


@dataclass(frozen=True)
class Imported:
    """What an import did: rows read, and those of them that were new or changed a row."""

    read: int = 0
    written: int = 0


def import_file(database: Database, path: Path, *, who: str | None = None) -> Imported:
    """Adds the rows of a CSV or JSON lines file; those that the store has already are left as they are. InputError
    names the line that is no row; what came before it is in the store."""
    writer = Writer(database)
    read = written = 0
    rows = records_of(path)
    try:
        while batch := [record for _, record in islice(rows, _BATCH)]:
            with writer.transaction() as connection:
                written += put_many(writer, connection, batch)
            read += len(batch)
    finally:
        if read:
            noted(database, "import", {"file": str(path)}, rows=written, who=who)
    return Imported(read, written)


@dataclass(frozen=True)
class Selection:
    """Which rows: of a camera, first seen in a span of time (microseconds)."""

    since: int | None = None
    until: int | None = None
    camera: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Of `passages`."""
        out: list[ColumnElement[bool]] = []
        if self.camera is not None:
            out.append(passages.c.camera_id.in_(select(cameras.c.id).where(cameras.c.name == self.camera)))
        if self.since is not None:
            out.append(passages.c.at >= self.since)
        if self.until is not None:
            out.append(passages.c.at < self.until)
        return out


def final_records(database: Database, chosen: Selection) -> Iterator[dict[str, Any]]:
    """The final rows in the order in which they came, as they all were at one moment."""
    last = 0
    with database.read() as connection:
        while True:
            some = with_names().where(passages.c.id > last, passages.c.status == "final", *chosen.conditions())
            rows = connection.execute(some.order_by(passages.c.id).limit(_BATCH)).mappings().all()
            for row in rows:
                yield record_of_row(dict(row))
            if len(rows) < _BATCH:
                return
            last = rows[-1]["id"]


def export_file(
    database: Database, path: Path, form: Format, chosen: Selection | None = None, *, who: str | None = None
) -> int:
    """Writes the final rows to a file and gives their number. CSV and JSON lines are those of a run, byte for byte."""
    chosen = chosen or Selection()
    asked = {k: v for k, v in vars(chosen).items() if v is not None}
    noted(database, "export", {"file": str(path), "format": form, **asked}, who=who)  # before anything leaves
    records = final_records(database, chosen)
    return _parquet(path, records) if form == "parquet" else _lines(path, records, form)


def _lines(path: Path, records: Iterator[dict[str, Any]], form: Format) -> int:
    count = 0
    with open_output(path) as stream, output_errors(path):
        if form == "csv":
            write_whole(stream, encode_row(COLUMNS))
        while batch := list(islice(records, _BATCH)):
            write_whole(stream, b"".join(map(_csv_line if form == "csv" else json_line, batch)))
            count += len(batch)
    return count


def _csv_line(record: dict[str, Any]) -> bytes:
    return encode_row(cells_of(record))


def _parquet(path: Path, records: Iterator[dict[str, Any]]) -> int:
    arrow: Any = extra("pyarrow", "parquet")
    parquet: Any = extra("pyarrow.parquet", "parquet")
    schema = arrow_schema(arrow)
    count = 0
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
                while batch := list(islice(records, _ROW_GROUP)):
                    writer.write_table(arrow.Table.from_pylist([arrow_row(r) for r in batch], schema=schema))
                    count += len(batch)
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink()
    return count
