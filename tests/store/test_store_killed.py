"""Processes that are killed, and several that write at once: no acknowledged row is lost, none is there twice.

ALPR_KILLS=200 kills more often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from streamer.store import schema
from streamer.store.database import open_database
from streamer.store.verify import verify

KILLS = int(os.environ.get("ALPR_KILLS", "6"))

# Forks writers that tell each row they were given an answer for; `killed` ends each at a random moment under load.
WRITERS = """
import json, os, random, select, signal, sys, time
from storekit import row
from streamer.sink.events import PassageFinal
from streamer.store.sink import StoreSink
from streamer.store.schema import outbox

def deliver(connection, stored):
    connection.execute(outbox.insert(), dict(
        target="gate", camera="gate", event_id=stored.event_id, revision=stored.revision, payload="{}", created_at=0,
        next_try_at=0))

def write(where, first, step, most, pipe):
    sink = StoreSink(where, hooks=[deliver])
    for k in range(most):
        number = first + k * step
        slots = ((("A", 1.0),), (("", 1.0),))
        sink.write(PassageFinal("gate", row(number, f"P{number % 50}", posterior=slots)))
        os.write(pipe, f"{number}\\n".encode())
    sink.close()

def writer(where, first, step, most):
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            write(where, first, step, most, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    return process, reading

def told(reading):
    with os.fdopen(reading, "rb") as stream:
        return [int(n) for n in stream.read().split(b"\\n")[:-1]]

def killed(where, times):
    chance, acknowledged, last = random.Random(7), [], 0
    for _ in range(times):
        process, reading = writer(where, last + 1, 1, 100000)
        select.select([reading], [], [])  # it writes
        time.sleep(chance.uniform(0.02, 0.3))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        acknowledged += (numbers := told(reading))
        last = max([last, *numbers]) + 1  # the row in hand may be there or not
    return acknowledged

def together(where, most):
    writers = [writer(where, 1, 2, most), writer(where, 1, 1, most)]  # half of the rows are the same
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process, _ in writers]
    return codes, [told(reading) for _, reading in writers]

print(json.dumps(globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))))
"""


def run(name: str, where: str, number: int) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", WRITERS, name, where, str(number)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def numbers_in(where: str) -> list[int]:
    """Of the rows; each has its distributions and its delivery, in the same transaction."""
    with open_database(where) as database:
        assert [*verify(database, None)] == []
        with database.read() as connection:
            rows = connection.execute(select(schema.passages.c.event_id, schema.passages.c.revision)).all()
            for table in (schema.posteriors, schema.outbox):
                assert connection.execute(select(func.count()).select_from(table)).scalar() == len(rows)
    assert {row.revision for row in rows} == {1}
    return sorted(int(row.event_id, 16) for row in rows)


def test_no_acknowledged_row_is_lost_by_kills(where: str) -> None:
    acknowledged = run("killed", where, KILLS)
    found = numbers_in(where)
    assert len(acknowledged) > KILLS
    assert not set(acknowledged) - set(found)
    assert len(found) - len(acknowledged) <= KILLS  # written, and killed before it could tell


@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
def test_two_processes_write_to_one_server(where: str) -> None:
    open_database(where, create=True).close()
    codes, (odd, every) = run("together", where, 60)
    assert codes == [0, 0]
    assert numbers_in(where) == sorted({*odd, *every})


def test_of_two_runs_on_one_file_the_second_is_refused(tmp_path: Path) -> None:
    where = str(tmp_path / "plates.db")
    codes, told = run("together", where, 200)
    assert sorted(codes) == [0, 1]
    assert numbers_in(where) == sorted(told[codes.index(0)])
