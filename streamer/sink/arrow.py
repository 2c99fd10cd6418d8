"""Rows as an Apache Arrow table, and a Parquet file of them; the library is its caller's (the extra parquet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from streamer.sink.csv import COLUMNS


def arrow_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of JSON lines (jsonl.record_of) as the table has it."""
    times = {k: None if record[k] is None else datetime.fromisoformat(record[k]) for k in ("first_seen", "last_seen")}
    others = [{"plate": text, "probability": p} for text, p in record["alternatives"]]
    return dict(record) | times | {"alternatives": others}


def arrow_schema(arrow: Any) -> Any:
    """The columns of the table and their types."""
    text, number, real = arrow.string(), arrow.int64(), arrow.float64()
    time = arrow.timestamp("us", tz="UTC")
    other = arrow.struct([("plate", text), ("probability", real)])
    lists: Sequence[tuple[str, Any]] = [
        ("box", real), ("first_box", real), ("last_box", real), ("char_confidence", real), ("crossed", text),
        ("parts", text), ("flags", text), ("alternatives", other),
    ]  # fmt: skip
    kinds = dict.fromkeys(("confidence", "first_s", "last_s", "dwell_s", "score"), real)
    whole = ("track_id", "first_frame", "last_frame", "best_frame", "n_reads", "direction_deg", "rows", "revision")
    kinds |= dict.fromkeys(whole, number)
    kinds |= {"first_seen": time, "last_seen": time} | {name: arrow.list_(kind) for name, kind in lists}
    order = (*COLUMNS, "first_box", "last_box", "parts", "char_confidence", "alternatives", "revision")
    return arrow.schema([(name, kinds.get(name, text)) for name in order])
