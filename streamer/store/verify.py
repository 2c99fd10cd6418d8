"""Whether a store is as it should be: the database's own checks, rows against the schema, pictures against hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import select, text

from streamer.store.database import Database
from streamer.store.plate_blocks import faults_of_blocks
from streamer.store.posteriors import unpack
from streamer.store.purge import reports_of
from streamer.store.rows import STATUSES
from streamer.store.schema import files, passages, posteriors
from streamer.types import TimeSource

_BATCH = 5000


def verify(database: Database, folder: Path | None) -> Iterator[str]:
    """Each fault in one line; nothing where there is none. `folder`: of the pictures, None where it has none."""
    if database.is_sqlite:
        with database.read() as connection:
            checks = [*connection.execute(text("PRAGMA integrity_check")).scalars()]
            yield from (f"{database.name}: {one}" for one in checks if one != "ok")
            for table, number, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
                yield f"{database.name}: row {number} of {table} belongs to no row of {parent}"
    yield from _rows(database)
    yield from _distributions(database)
    yield from _files(database, folder)
    with database.read() as connection:
        yield from (f"{database.name}: {fault}" for fault in faults_of_blocks(connection))
        for report, follows in reports_of(connection):
            if not follows:
                yield f"{database.name}: the report of a purge at {report.get('at')} does not follow the last one"


def _rows(database: Database) -> Iterator[str]:
    for row in _all(database, select(passages), passages.c.id):
        fault = _fault(row)
        if fault:
            yield f"{database.name}: passage {row['event_id']}: {fault}"


def _fault(row: Any) -> str:
    try:
        details = json.loads(row["details"])
        if not isinstance(details, dict) or any(len(details.get(k, range(4))) != 4 for k in ("box", "last_box")):
            return "details: expected an object with boxes of four numbers"
    except (ValueError, TypeError):
        return "details: is no JSON"
    if row["status"] not in STATUSES:
        return f"status {row['status']!r}: expected one of {', '.join(STATUSES)}"
    if row["time_source"] not in get_args(TimeSource):
        return f"time_source {row['time_source']!r}: expected one of {', '.join(get_args(TimeSource))}"
    if not 0 <= row["confidence"] <= 1:
        return f"confidence {row['confidence']}: expected 0 to 1"
    if row["last_at"] is not None and row["last_at"] < row["at"]:
        return "was last seen before it was first seen"
    return ""


def _distributions(database: Database) -> Iterator[str]:
    for row in _all(database, select(posteriors), posteriors.c.passage_id):
        try:
            unpack(row["slots"])
        except ValueError as error:
            yield f"{database.name}: passage number {row['passage_id']}: {error}"


def _files(database: Database, folder: Path | None) -> Iterator[str]:
    known: set[str] = set()
    for row in _all(database, select(files), files.c.id):
        if folder is None:
            yield f"{database.name}: has pictures, but no folder of them was given: add --files FOLDER"
            return
        known.add(row["path"])
        path = folder / row["path"]
        try:
            data = path.read_bytes()
        except OSError as error:
            yield f"{path}: cannot be read ({error.strerror})"
            continue
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            yield f"{path}: was altered: its SHA-256 is not that of its row"
    if folder is not None and folder.is_dir():
        there = (p for p in folder.rglob("*") if p.is_file())
        yield from (f"{p}: belongs to no row" for p in there if p.relative_to(folder).as_posix() not in known)


def _all(database: Database, statement: Any, key: Any) -> Iterator[Any]:
    """The rows of a table, a batch at a time; each in a short transaction, so that a long check delays no run."""
    last = -1
    while True:
        with database.read() as connection:
            rows = connection.execute(statement.where(key > last).order_by(key).limit(_BATCH)).mappings().all()
        yield from rows
        if len(rows) < _BATCH:
            return
        last = rows[-1][key.name]
