"""Rows into a table of an SQLite database: `outputs: [{type: sqlite, path: plates.db}]`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field

from streamer import BaseSink, Output, OutputError, OutputPlace, Passage, Writes


class SqliteSink(BaseSink):
    """One row per passage. A row that is written again (after an error) replaces itself, by its event_id."""

    class Settings(Output):
        writes: ClassVar = Writes(files="kept")  # rows are added to what is there: nothing to ask before
        path: str = Field(min_length=1, description="file of the database")
        table: str = Field(default="plates", pattern=r"^[A-Za-z]\w*$", description="table, made where it is not there")

    def __init__(self, output: Settings, place: OutputPlace) -> None:
        self._path, self._table = output.path, output.table
        columns = "event_id TEXT PRIMARY KEY, camera TEXT, plate TEXT, confidence REAL, first_s REAL, last_s REAL"
        with self._errors():
            self._database = sqlite3.connect(self._path, check_same_thread=False)  # rows come from another thread
            self._database.execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")

    def passage(self, passage: Passage) -> None:
        p = passage
        row = (p.event_id, p.camera, p.plate, p.confidence, p.first_s, p.last_s)
        with self._errors(), self._database:
            self._database.execute(f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(f"{self._path}: cannot be written ({error}): check the file and its disk") from None
