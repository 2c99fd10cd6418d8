"""Rows of files as records: the CSV of schema 1 and JSON lines, checked."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from streamer.errors import InputError
from streamer.sink.csv import COLUMNS, guard, unguard
from streamer.sink.jsonl import encode_line
from streamer.types import TimeSource

_NEEDED = ("camera", "track_id", "plate", "confidence", "first_frame", "last_frame", "first_s", "last_s")
_STATUSES = ("final", "provisional", "withdrawn")
_ZERO_BOX = [0.0, 0.0, 0.0, 0.0]


def records_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a file with their line numbers; InputError names file, line and what is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            rows = _json_rows(stream) if first.lstrip().startswith("{") else _csv_rows(path, stream)
            for line, row in rows:
                try:
                    yield line, checked(row)
                except (ValueError, TypeError, KeyError) as error:
                    reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
                    raise InputError(
                        f"{path}:{line}: is no row of this program ({reason}): mend or delete it"
                    ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check the path", at=path) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text in UTF-8: expected a CSV or JSON lines of alpr run", at=path) from None


def _json_rows(stream: Any) -> Iterator[tuple[int, Any]]:
    for number, text in enumerate(stream, 1):
        if text.strip():
            try:
                yield number, json.loads(text)
            except ValueError:
                yield number, None


def _csv_rows(path: Path, stream: Any) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(stream)
    header = next(reader, [])
    if lacking := [name for name in _NEEDED if name not in header]:
        raise InputError(
            f"{path}:1: has no column {lacking[0]}: expected a CSV of alpr run, which begins {','.join(COLUMNS[:4])}"
        )
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, {name: unguard(cell) for name, cell in zip(header, cells, strict=False)}
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: is no CSV ({error}): mend or delete the line") from None


def checked(row: Any) -> dict[str, Any]:
    """A record of a row's cells or JSON values; ValueError, TypeError or KeyError where it is none."""
    if not isinstance(row, Mapping):
        raise ValueError("expected an object with the columns of the CSV")
    if lacking := [key for key in _NEEDED if row.get(key) in (None, "")]:
        raise KeyError(lacking[0])
    record = {key: convert(row.get(key)) for key, convert in _FIELDS.items()}
    record["status"] = row.get("status") or "final"
    if record["status"] not in _STATUSES:
        raise ValueError(f"status {row['status']!r}: expected one of {', '.join(_STATUSES)}")
    if record["time_source"] not in get_args(TimeSource):
        raise ValueError(f"time_source {record['time_source']!r}: expected one of {', '.join(get_args(TimeSource))}")
    if not record["dwell_s"]:
        record["dwell_s"] = round(record["last_s"] - record["first_s"], 3)
    record["event_id"] = record["event_id"] or _id_of(record)
    return record


def _id_of(record: Mapping[str, Any]) -> str:
    """For rows of versions before there were ids: the same row has the same."""
    content = json.dumps([record[key] for key in (*_NEEDED, "first_seen", "box")], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> int:
    return 0 if value in (None, "") else int(value)


def _real(value: Any) -> float:
    found = 0.0 if value in (None, "") else float(value)
    if not abs(found) < 1e12:
        raise ValueError(f"{value}: expected a finite number")
    return found


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value in (None, "") else convert(value)


def _time(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if datetime.fromisoformat(str(value)).tzinfo is None:
        raise ValueError(f"{value}: expected a time with its offset, like 2026-01-31T08:00:00+08:00")
    return str(value)


def _box(value: Any) -> list[float]:
    found = json.loads(value) if isinstance(value, str) and value else value
    if not found:
        return list(_ZERO_BOX)
    if not isinstance(found, list) or len(found) != len(_ZERO_BOX):
        raise ValueError(f"box {value}: expected [x1,y1,x2,y2]")
    return [float(v) for v in found]


def _words(separator: str | None) -> Callable[[Any], list[str]]:
    def split(value: Any) -> list[str]:
        if isinstance(value, str):
            return [word for word in value.split(separator) if word]
        return [str(word) for word in value or ()]

    return split


def _pairs(value: Any) -> list[list[Any]]:
    return [[str(text), _real(p)] for text, p in value or ()]


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "camera": _text, "track_id": _number, "plate": _text, "confidence": _real, "first_frame": _number,
    "last_frame": _number, "best_frame": _number, "first_s": _real, "last_s": _real, "first_seen": _time,
    "last_seen": _time, "time_source": lambda value: _text(value) or "unknown", "box": _box, "n_reads": _number,
    "first_box": _box, "last_box": _box, "score": _real, "event_id": _text, "zone": _text, "crossed": _words(None),
    "parts": _words(None), "char_confidence": lambda value: [_real(p) for p in value or ()], "alternatives": _pairs,
    "flags": _words(","), "region": _or_none(str), "colour": _or_none(str), "rows": _or_none(int), "dwell_s": _real,
    "direction_deg": _or_none(int), "movement": _text,
}  # fmt: skip


def cells_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """A record as the CSV has it, in the order of COLUMNS."""
    r = record
    return (
        guard(r["camera"]), str(r["track_id"]), guard(r["plate"]), f"{r['confidence']:.4f}", str(r["first_frame"]),
        str(r["last_frame"]), str(r["best_frame"]), f"{r['first_s']:.3f}", f"{r['last_s']:.3f}",
        r["first_seen"] or "", r["last_seen"] or "", r["time_source"], json.dumps(r["box"], separators=(",", ":")),
        str(r["n_reads"]), r["event_id"], f"{r['dwell_s']:.3f}",
        "" if r["direction_deg"] is None else str(r["direction_deg"]), r["movement"], f"{r['score']:.4f}",
        guard(r["zone"]), guard(" ".join(r["crossed"])), ",".join(r["flags"]), r["region"] or "", r["colour"] or "",
        "" if r["rows"] is None else str(r["rows"]),
    )  # fmt: skip


def json_line(record: dict[str, Any]) -> bytes:
    """A record as a run writes it."""
    order = (
        "schema",
        "type",
        "status",
        *(key for key in record if key not in ("schema", "type", "status", "revision")),
    )
    return encode_line({key: record[key] for key in order})
