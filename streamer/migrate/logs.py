"""Rows that other programs kept, as rows of this one: records of the CSV and of JSON lines, for `alpr store import`.

Formats, from public documentation:
- Plate Recognizer Stream: guides.platerecognizer.com/docs/stream/results (CSV, JSON lines, bodies of webhooks)
- Frigate: docs.frigate.video (GET /api/events, MQTT topic frigate/events) and the table `event` of its SQLite file
- OpenALPR: doc.openalpr.com (webhooks: alpr_group and alpr_results)
"""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from streamer.errors import InputError
from streamer.migrate.log_rows import frigate, openalpr, platerecognizer
from streamer.store.records import checked

Record = dict[str, Any]
_SQLITE = b"SQLite format 3\x00"


class Converted(NamedTuple):
    """The records in order of time, what has no counterpart (how often), and lines that are no rows."""

    records: list[Record]
    notes: Counter[str]
    broken: list[str]


def convert_logs(program: str, path: Path) -> Converted:
    """InputError where the file cannot be read, or holds nothing of that program."""
    convert: Callable[[Any], Iterable[tuple[Record, list[str]]]]
    convert = {"platerecognizer": platerecognizer, "frigate": frigate, "openalpr": openalpr}[program]
    rows: dict[str, Record] = {}
    notes: Counter[str] = Counter()
    broken: list[str] = []
    try:
        for place, entry in _entries(program, path):
            try:
                for row, lacking in convert(entry):
                    record = _record(program, row)
                    rows[record["event_id"]] = record  # an event that is told again replaces what it told before
                    notes.update(lacking)
            except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
                reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
                broken.append(f"{path}:{place}: left out, is no row of {program} ({reason})")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a file of rows", at=path) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text in UTF-8: expected CSV, JSON or JSON lines", at=path) from None
    except sqlite3.Error as error:
        raise InputError(f"{path}: is no database of {program} ({error}): give frigate.db", at=path) from None
    found = sorted(rows.values(), key=lambda record: (record["first_seen"] or "", record["event_id"]))
    for number, record in enumerate(found, 1):
        record["track_id"] = number
    return Converted(found, notes, broken)


def _record(program: str, row: Record) -> Record:
    """A whole record. Times are given as seconds since 1970 (`start`, `end`); seconds in the stream are not known."""
    start, end = float(row.pop("start")), float(row.pop("end"))
    known = row.pop("id", None) or json.dumps([row["camera"], row["plate"], start])
    times = [datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds") for t in (start, max(start, end))]
    whole = {
        "track_id": 1, "first_frame": 0, "last_frame": 0, "first_s": 0.0, "last_s": round(max(0.0, end - start), 3),
        "first_seen": times[0], "last_seen": times[1], "time_source": "given",
        "event_id": hashlib.sha256(f"{program} {known}".encode()).hexdigest()[:16], **row,
    }  # fmt: skip
    return {"schema": 1, "type": "passage", **checked(whole)}


def _entries(program: str, path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a file, each with its place: rows of SQLite or CSV, or JSON objects."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if start.startswith(_SQLITE):
        yield from _sqlite(program, path)
        return
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip()[:1] not in ("{", "["):
        reader = csv.DictReader(text.splitlines())
        if program != "platerecognizer" or not {"timestamp", "plate"} <= set(reader.fieldnames or ()):
            raise InputError(f"{path}: is no file of rows of {program}: {_EXPECTED[program]}", at=path)
        for row in reader:
            yield str(reader.line_num), row
        return
    try:
        whole = json.loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield str(number), _json(line)
    else:
        for number, entry in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield f"entry {number}", entry


_EXPECTED = {
    "platerecognizer": "expected its CSV (timestamp,plate,...), JSON lines or bodies of webhooks",
    "frigate": "expected frigate.db, the JSON of /api/events, or messages of frigate/events, one a line",
    "openalpr": "expected JSON of the daemon or its webhooks, one object a line or a list",
}


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # reported as what is no row


def _sqlite(program: str, path: Path) -> Iterator[tuple[str, Any]]:
    if program != "frigate":
        raise InputError(f"{path}: is a database: {_EXPECTED[program]}", at=path)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        for row in database.execute("SELECT * FROM event ORDER BY start_time"):
            yield f"event {row['id']}", dict(row)
