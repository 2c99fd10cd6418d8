"""Many rows at once: new ones together, the others one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from streamer.plates.look_alikes import folded
from streamer.store.hashing import is_hashed
from streamer.store.rows import Record, values_of
from streamer.store.schema import passages, plates
from streamer.store.times import now
from streamer.store.write import Writer, insert


def put_many(writer: Writer, connection: Connection, records: Sequence[Record]) -> int:
    """Writes rows as `Writer.put` would, without distributions; gives how many were new or changed a row."""
    ids = [str(record["event_id"]) for record in records]
    there = set(connection.execute(select(passages.c.event_id).where(passages.c.event_id.in_(ids))).scalars())
    often = Counter(ids)
    new: list[Record] = []
    others: list[Record] = []
    for event_id, record in zip(ids, records, strict=True):
        simple = event_id not in there and often[event_id] == 1 and record["status"] == "final" and not record["parts"]
        (new if simple and not writer.hooks else others).append(record)
    _add(writer, connection, new)
    done = [writer.put(connection, record, status=record["status"]) for record in others]
    return len(new) + sum(one is not None for one in done)


def _add(writer: Writer, connection: Connection, records: Sequence[Record]) -> None:
    if not records:
        return
    numbers = _plates(connection, sorted({str(record["plate"]) for record in records}))
    stored_at = now()
    rows: list[dict[str, Any]] = [
        values_of(record, stored_at)
        | {
            "status": "final", "revision": 1, "stored_at": stored_at, "run_id": writer.run_id,
            "camera_id": writer.camera(connection, record), "plate_id": numbers[str(record["plate"])],
        }
        for record in records
    ]  # fmt: skip
    connection.execute(insert(connection, passages).on_conflict_do_nothing(index_elements=["event_id"]), rows)


def _plates(connection: Connection, texts: Sequence[str]) -> dict[str, int]:
    """Numbers of plates, in order, so that two processes do not wait for each other's."""
    rows = [{"text": text, "folded": folded(text), "hashed": is_hashed(text)} for text in texts]
    connection.execute(insert(connection, plates).on_conflict_do_nothing(index_elements=["text"]), rows)
    found = connection.execute(select(plates.c.text, plates.c.id).where(plates.c.text.in_(texts)))
    return {row.text: row.id for row in found}
