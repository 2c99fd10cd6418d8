"""Passages as rows of the store, and back as the objects that JSON lines have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from streamer.store.times import micros, moment, offset_s

Record = Mapping[str, Any]  # as `streamer.sink.jsonl.record_of` makes it

STATUSES = ("final", "provisional", "waiting", "withdrawn", "merged")
# Columns that are a record's values as they are; those after the slash may be empty there and null here.
_PLAIN = (
    "time_source", "confidence", "track_id", "first_frame", "last_frame", "best_frame", "first_s", "last_s", "dwell_s",
    "n_reads", "score",
)  # fmt: skip
_OR_NULL = ("zone", "direction_deg", "movement", "region", "colour", "rows")
_DETAILS = ("box", "first_box", "last_box", "crossed", "parts", "char_confidence", "alternatives")


def values_of(record: Record, stored_at: int) -> dict[str, Any]:
    """The columns of a record, without those that name other tables' rows."""
    first, last = _time(record.get("first_seen")), _time(record.get("last_seen"))
    first = first or last
    values = {key: record[key] for key in _PLAIN}
    values |= {key: None if record.get(key) == "" else record.get(key) for key in _OR_NULL}
    details = {key: value for key in _DETAILS if (value := record.get(key)) not in (None, [], ())}
    return values | {
        "event_id": record["event_id"],
        "at": stored_at if first is None else micros(first),
        "last_at": None if first is None else micros(last or first),
        "offset_s": 0 if first is None else offset_s(first),
        "flags": ",".join(record.get("flags") or ()) or None,
        "details": json.dumps(details, ensure_ascii=False, separators=(",", ":")),
    }


def record_of_row(row: Record) -> dict[str, Any]:
    """The record of a row with its `camera` and `plate`: keys in the order of JSON lines, and `revision`."""
    details = json.loads(row["details"])
    timed = row["last_at"] is not None
    return {
        "schema": 1,
        "type": "passage",
        "status": row["status"],
        "camera": row["camera"],
        "track_id": row["track_id"],
        "plate": row["plate"],
        "confidence": row["confidence"],
        "first_frame": row["first_frame"],
        "last_frame": row["last_frame"],
        "best_frame": row["best_frame"],
        "first_s": row["first_s"],
        "last_s": row["last_s"],
        "first_seen": time_text(row["at"], row["offset_s"]) if timed else None,
        "last_seen": time_text(row["last_at"], row["offset_s"]) if timed else None,
        "time_source": row["time_source"],
        "box": details.get("box", [0.0, 0.0, 0.0, 0.0]),
        "n_reads": row["n_reads"],
        "first_box": details.get("first_box", [0.0, 0.0, 0.0, 0.0]),
        "last_box": details.get("last_box", [0.0, 0.0, 0.0, 0.0]),
        "score": row["score"],
        "event_id": row["event_id"],
        "zone": row["zone"] or "",
        "crossed": details.get("crossed", []),
        "parts": details.get("parts", []),
        "char_confidence": details.get("char_confidence", []),
        "alternatives": details.get("alternatives", []),
        "flags": row["flags"].split(",") if row["flags"] else [],
        "region": row["region"],
        "colour": row["colour"],
        "rows": row["rows"],
        "dwell_s": row["dwell_s"],
        "direction_deg": row["direction_deg"],
        "movement": row["movement"] or "",
        "revision": row["revision"],
    }


def time_text(at: int, offset: int) -> str:
    """ISO-8601 with microseconds and offset, as in rows."""
    return moment(at, offset).isoformat(timespec="microseconds")


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
