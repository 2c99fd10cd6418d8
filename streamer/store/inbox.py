"""What nodes of a fleet have read, into the store: in the order of each node's outbox, each entry once, and none of a
holder whose camera was another's by then (leases.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from streamer.store.database import ConflictError, Database
from streamer.store.leases import Fence, Lease, fence, register
from streamer.store.posteriors import pack, unpack
from streamer.store.rows import Record, record_of_row
from streamer.store.schema import cameras, health, meta, passages, posteriors, rejections
from streamer.store.write import Writer, insert, with_names
from streamer.types import Posterior, WatchMatch

Kind = Literal["begin", "row", "health", "rejection"]


@dataclass(frozen=True)
class Entry:
    """`number`: rises within an outbox; `lease`: under which it was read, until `at` (microseconds by the supervisor's
    clock)."""

    number: int
    kind: Kind
    lease: Lease
    at: int
    body: dict[str, Any]


def row_body(
    record: Record, posterior: Posterior | None, watch: Sequence[WatchMatch] | None, status: str
) -> dict[str, Any]:
    """A row as an entry has it."""
    body: dict[str, Any] = {"record": dict(record), "status": status}
    if posterior:
        body["posterior"] = base64.b64encode(pack(posterior)).decode()
    if watch is not None:
        body["watch"] = [asdict(one) for one in watch]
    return body


class Inbox:
    """Writes the entries of outboxes. `run_id`: of the rows."""

    def __init__(self, database: Database, run_id: int | None = None) -> None:
        self._database = database
        self._writer = Writer(database, run_id=run_id)

    def apply(self, outbox: str, entries: Sequence[Entry]) -> int:
        """Writes entries in one transaction; gives how many rows were refused. Those that the store has from an
        earlier attempt are passed over."""
        try:
            return self._apply(outbox, entries)
        except ConflictError:  # a plate was deleted as the last row of it went: it is added again
            return self._apply(outbox, entries)

    def forget(self, outbox: str) -> None:
        """An outbox that is empty and will not be used again."""
        with self._database.write() as connection:
            connection.execute(meta.delete().where(meta.c.key == _key(outbox)))

    def _apply(self, outbox: str, entries: Sequence[Entry]) -> int:
        with self._writer.transaction() as connection:
            done = connection.execute(select(meta.c.value).where(meta.c.key == _key(outbox))).scalar()
            new = [one for one in entries if one.number > int(done or 0)]
            if not new:
                return 0
            # In the order in which supervisors do, so that no two transactions wait for each other.
            for held in sorted({one.lease for one in new}, key=lambda lease: (lease.camera, lease.token)):
                register(connection, held)
            fences = [fence(connection, one.lease, one.at) for one in new]
            refused = sum(one.kind == "row" and found == "refused" for one, found in zip(new, fences, strict=True))
            self._number(connection, [one for one, found in zip(new, fences, strict=True) if found != "refused"])
            for one, found in zip(new, fences, strict=True):
                self._write(connection, one, found)
            statement = insert(connection, meta).values(key=_key(outbox), value=str(new[-1].number))
            connection.execute(
                statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value})
            )
        return refused

    def _number(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Adds what is missing of cameras and plates in one order, so that two transactions do not wait for each
        other."""
        for camera in sorted({one.lease.camera for one in entries}):
            self._writer.camera(connection, {"camera": camera})
        for plate in sorted({str(one.body["record"]["plate"]) for one in entries if one.kind == "row"}):
            self._writer.plate(connection, plate)

    def _write(self, connection: Connection, entry: Entry, found: Fence) -> None:
        if found == "refused":
            return
        if entry.kind == "row":
            self._row(connection, entry, found)
        elif found == "current":
            {"begin": self._begin, "health": self._health, "rejection": self._rejection}[entry.kind](connection, entry)

    def _row(self, connection: Connection, entry: Entry, found: Fence) -> None:
        body, posterior = entry.body, None
        status = str(body["status"])
        if found == "earlier":
            if status in ("provisional", "withdrawn"):
                return
            status = "final"  # its holder is gone: nothing can join it any more
        if "posterior" in body:
            posterior = unpack(base64.b64decode(body["posterior"]))
        watch = [WatchMatch(**one) for one in body["watch"]] if "watch" in body else None
        self._writer.put(connection, body["record"], posterior, status=status, watch=watch)

    def _begin(self, connection: Connection, entry: Entry) -> None:
        """A holder begins to read: what waited of those before it is final."""
        camera = self._writer.camera(connection, {"camera": entry.lease.camera})
        connection.execute(update(cameras).where(cameras.c.id == camera).values(source=entry.body.get("source", "")))
        left = with_names().where(passages.c.status == "waiting", passages.c.camera_id == camera)
        for row in connection.execute(left).mappings().all():
            slots = select(posteriors.c.slots).where(posteriors.c.passage_id == row["id"])
            packed = connection.execute(slots).scalar()
            self._writer.put(connection, record_of_row(dict(row)), None if packed is None else unpack(packed))

    def _health(self, connection: Connection, entry: Entry) -> None:
        number = self._writer.camera(connection, {"camera": entry.lease.camera})
        last = select(health.c.up, health.c.reason).where(health.c.camera_id == number)
        before = connection.execute(last.order_by(health.c.id.desc()).limit(1)).one_or_none()
        now = (bool(entry.body["up"]), str(entry.body["reason"]))
        if before is None or tuple(before) != now:
            values = {"camera_id": number, "at": entry.at, "up": now[0], "reason": now[1]}
            connection.execute(health.insert().values(values))

    def _rejection(self, connection: Connection, entry: Entry) -> None:
        record = entry.body["record"]
        values = {
            "camera_id": self._writer.camera(connection, record),
            "run_id": self._writer.run_id,
            "at": entry.at,
            "reason": record["reason"],
            "text": record["text"],
            "confidence": record["confidence"],
            "details": json.dumps(record, ensure_ascii=False, separators=(",", ":")),
        }
        connection.execute(rejections.insert().values(values))


def _key(outbox: str) -> str:
    return f"outbox:{outbox}"
