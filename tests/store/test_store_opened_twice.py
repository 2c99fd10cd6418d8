"""An SQLite file that one process has open more than once: closing one of them leaves the others' log alone, whatever
other processes do meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from streamer.notify.outbox import Outbox
from streamer.store.database import Database, connect, open_database

_VISITOR = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA schema_version").fetchone()
connection.close()
"""


def _visited(path: Path) -> None:
    """Another process reads the file and closes it: the last one to do so takes its log away."""
    subprocess.run([sys.executable, "-c", _VISITOR, str(path)], check=True)


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


@pytest.mark.parametrize("again", [open_database, connect])
def test_the_log_stays_while_it_is_open(tmp_path: Path, again: Callable[[Path], Database]) -> None:
    path = tmp_path / "plates.db"
    with open_database(path, create=True, run=True) as database:
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE before (x)")
        again(path).close()
        _visited(path)
        assert path.with_name("plates.db-wal").exists()
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE after (x)")
        out = subprocess.run(
            [sys.executable, "-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT name FROM "
             "sqlite_master').fetchall())", str(path)], check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert "before" in out
        assert "after" in out
    assert {"before", "after"} <= _tables(path)


def test_the_log_of_an_outbox_stays(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    first = Outbox(path)
    Outbox(path).close()
    _visited(path)
    assert path.with_name("outbox.db-wal").exists()
    first.close()
