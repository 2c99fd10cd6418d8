"""The outbox of one target in the store (notify/queue.py says what it does): what is to be sent of a row is written in
the row's own transaction."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import zlib
from collections.abc import Collection, Sequence
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from streamer.errors import OutputError
from streamer.notify.lease import Lease
from streamer.notify.message import STATES, Message, Stored
from streamer.notify.queue import Counts, Queue, Right, State
from streamer.notify.sink import NotifySink
from streamer.sink.events import Event
from streamer.sink.sink import Wants
from streamer.store.database import Database
from streamer.store.schema import meta, outbox, revisions
from streamer.store.write import Stored as Revision
from streamer.store.write import insert

_STATES: dict[State, str] = {"waiting": "pending", "dead": "dead"}
_TARGET = "target:"  # keys of meta
_LOCKS = 0x616C7072  # of PostgreSQL's advisory locks, those of this program


class StoreQueue:
    """`next_try_at` of a dead letter is when it died. Rows that are not final are the store's own (`keep`)."""

    def __init__(self, database: Database, target: str) -> None:
        self._database, self._target = database, target
        self._mine: ColumnElement[bool] = outbox.c.target == target
        self._dropped = 0

    def put(self, messages: Sequence[Message], *, finished: Sequence[str] = (), now: float | None = None) -> None:
        if messages:
            with self._database.write() as connection:
                for one in messages:
                    put(connection, self._target, one, now)

    def keep(self, camera: str, unfinished: Sequence[tuple[str, Message]]) -> None:
        """The store has them."""

    def left(self, camera: str) -> list[tuple[str, Message]]:
        return []

    def next(self, without: Collection[str] = ()) -> Stored | None:
        wanted = select(outbox).where(self._mine, outbox.c.state == "pending").order_by(outbox.c.id).limit(1)
        if without:
            wanted = wanted.where(outbox.c.camera.not_in(list(without)))
        with self._database.read() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else _stored(row)

    def sent(self, number: int) -> None:
        with self._database.write() as connection:
            connection.execute(delete(outbox).where(outbox.c.id == number))

    def tried(self, number: int, reason: str, *, counts: bool = True) -> None:
        values = {"last_error": reason, "attempts": outbox.c.attempts + int(counts)}
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.id == number).values(values))

    def bury(self, number: int, reason: str, now: float | None = None) -> None:
        values = {"state": "dead", "next_try_at": _micros(now), "last_error": reason}
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.id == number).values(values))

    def bury_older(self, made: float, now: float) -> int:
        old = self._mine & (outbox.c.state == "pending") & (outbox.c.created_at < _micros(made))
        kinds = [outbox.c.event_id.like(f"{kind}:%") for kind in STATES]
        values = {"state": "dead", "next_try_at": _micros(now), "last_error": "too old: " + outbox.c.last_error}
        with self._database.write() as connection:
            for kind in kinds:
                connection.execute(delete(outbox).where(old, kind))
            return int(connection.execute(update(outbox).where(old).values(values)).rowcount)

    def trim(self, most_bytes: float, died: float) -> int:
        dead = self._mine & (outbox.c.state == "dead")
        size = func.length(outbox.c.payload)
        with self._database.write() as connection:
            connection.execute(delete(outbox).where(dead, outbox.c.next_try_at < _micros(died)))
            whole = connection.execute(select(func.coalesce(func.sum(size), 0)).where(self._mine)).scalar_one()
            dropped = 0
            while whole > most_bytes:
                oldest = select(outbox.c.id, outbox.c.state, size).where(self._mine)
                order = (outbox.c.state == "pending", outbox.c.id)
                number, state, freed = connection.execute(oldest.order_by(*order).limit(1)).one()
                connection.execute(delete(outbox).where(outbox.c.id == number))
                whole -= freed
                dropped += state == "pending"
        self._dropped += dropped
        return dropped

    def counts(self) -> Counts:
        wanted = select(outbox.c.state, func.count(), func.min(outbox.c.created_at)).where(self._mine)
        with self._database.read() as connection:
            rows = connection.execute(wanted.group_by(outbox.c.state)).all()
        found = {state: (count, oldest) for state, count, oldest in rows}
        waiting, oldest = found.get("pending", (0, None))
        dead = found.get("dead", (0, None))[0]
        return Counts(waiting, dead, self._dropped, None if oldest is None else oldest / 1e6)

    def listed(self, state: State, most: int = -1) -> list[Stored]:
        wanted = select(outbox).where(self._mine, outbox.c.state == _STATES[state]).order_by(outbox.c.id)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(wanted if most < 0 else wanted.limit(most))]

    def revive(self, keys: Sequence[str] | None = None, now: float | None = None) -> int:
        values = {"state": "pending", "attempts": 0, "created_at": _micros(now), "next_try_at": _micros(now)}
        with self._database.write() as connection:
            change = update(outbox).where(self._mine, outbox.c.state == "dead", *_of(keys)).values(values)
            return int(connection.execute(change).rowcount)

    def drop(self, state: State, keys: Sequence[str] | None = None) -> int:
        with self._database.write() as connection:
            removed = delete(outbox).where(self._mine, outbox.c.state == _STATES[state], *_of(keys))
            return int(connection.execute(removed).rowcount)

    def close(self) -> None:
        """The database is closed by who opened it."""


class StoreBox:
    """The outbox of one target in a store."""

    in_store = True

    def __init__(self, database: Database, target: str) -> None:
        self._database, self._target = database, target

    def open(self) -> Queue:
        return StoreQueue(self._database, self._target)

    def right(self, name: str, identity: str) -> Right:
        path = self._database.place.path
        if path is not None:
            return Lease(path.with_name(f"{path.name}.{name}.lock"), name, identity)
        return _AdvisoryLock(self._database, name)


class _AdvisoryLock:
    """The right to send, of processes at one PostgreSQL: a lock that its connection holds, and loses with it."""

    def __init__(self, database: Database, name: str) -> None:
        self._database, self._number = database, zlib.crc32(name.encode()) & 0x7FFFFFFF
        self._connection: Connection | None = None

    def taken(self) -> bool:
        values = {"program": _LOCKS, "target": self._number}
        try:
            with self._database.errors():
                if self._connection is not None:
                    self._connection.execute(text("SELECT 1"))
                    self._connection.rollback()
                    return True
                connection = self._database.engine.connect()
                query = text("SELECT pg_try_advisory_lock(:program, :target)")
                if connection.execute(query, values).scalar():
                    connection.rollback()
                    self._connection = connection
                    return True
                connection.close()
        except OutputError:
            self.give_back()
            raise
        return False

    def give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            values = {"program": _LOCKS, "target": self._number}
            with contextlib.suppress(SQLAlchemyError):  # a lost connection has lost its lock
                connection.execute(text("SELECT pg_advisory_unlock(:program, :target)"), values)
                connection.rollback()
            connection.close()


class Deliveries:
    """The targets of a store's rows."""

    def __init__(self, database: Database) -> None:
        self._database, self._targets = database, list[NotifySink]()

    def take(self, targets: Sequence[NotifySink]) -> None:
        for target in targets:
            target.join_store(StoreBox(self._database, target.name))
            _note(self._database, target.name)
        self._targets += targets

    @property
    def wants(self) -> Wants:
        return reduce(lambda a, b: a | b, (one.events for one in self._targets), Wants(frozenset(), False))

    def put(self, connection: Connection, stored: Revision) -> None:
        """Adds what is to be sent of a row, in its transaction."""
        if stored.status != "final" or not self._targets:
            return
        name, passage = "final", stored.passage
        if stored.revision > 1 and _was_final(connection, stored.passage_id):
            name = f"final-{stored.revision}"  # amended: not the row that receivers have
        for target in self._targets:
            crop, source = (None, "") if passage is None else (passage.crop, passage.source)
            message = target.of_row(stored.record, name, crop, source)
            if message is not None:
                put(connection, target.name, message)

    def follow(self, event: Event) -> None:
        """Sees an event that is written."""
        for target in self._targets:
            target.follow(event)

    def finish(self) -> None:
        """Sends the rest, for as long as each target's settings say."""
        for target in self._targets:
            target.end()
        for target in self._targets:
            target.finish()


def _was_final(connection: Connection, passage_id: int) -> bool:
    final = revisions.c.row.like('%"status":"final"%')
    wanted = select(revisions.c.revision).where(revisions.c.passage_id == passage_id, final).limit(1)
    return connection.execute(wanted).first() is not None


def put(connection: Connection, target: str, message: Message, now: float | None = None) -> None:
    """Adds a message within a transaction (see Queue.put)."""
    made = _micros(now)
    payload: dict[str, Any] = {"kind": message.kind, "body": dict(message.body)}
    if message.crop is not None:
        payload["crop"] = base64.b64encode(message.crop).decode()
    values = {
        "target": target, "camera": message.camera, "event_id": message.key, "revision": 0, "created_at": made,
        "next_try_at": made, "payload": json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
    }  # fmt: skip
    if message.kind in STATES:
        connection.execute(delete(outbox).where(outbox.c.target == target, outbox.c.event_id == message.key))
    connection.execute(insert(connection, outbox).values(values).on_conflict_do_nothing())


def targets_of(database: Database) -> list[str]:
    """The targets that rows of a store were sent to, whether or not something waits for them."""
    noted = select(meta.c.key).where(meta.c.key.like(f"{_TARGET}%"))
    with database.read() as connection:
        found = set(connection.execute(select(outbox.c.target).distinct()).scalars())
        found |= {key.removeprefix(_TARGET) for key in connection.execute(noted).scalars()}
    return sorted(found)


def _note(database: Database, target: str) -> None:
    """Keeps the name of a target: of messages that were sent nothing is left."""
    with database.write() as connection:
        statement = insert(connection, meta).values(key=_TARGET + target, value="")
        connection.execute(statement.on_conflict_do_nothing(index_elements=["key"]))


def _of(keys: Sequence[str] | None) -> list[ColumnElement[bool]]:
    return [] if keys is None else [outbox.c.event_id.in_(list(keys))]


def _micros(when: float | None) -> int:
    return int((time.time() if when is None else when) * 1e6)


def _stored(row: Row[Any]) -> Stored:
    payload = json.loads(row.payload)
    crop = base64.b64decode(payload["crop"]) if "crop" in payload else None
    message = Message(row.event_id, row.camera, payload["kind"], payload["body"], crop)
    return Stored(row.id, message, row.created_at / 1e6, row.attempts, row.last_error)
