"""Passages into the store: each in one transaction with whatever hooks add (matches of watchlists, what is to be
delivered), its newest values in `passages` and earlier ones in `revisions`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from streamer.plates.look_alikes import folded
from streamer.store.database import Database
from streamer.store.hashing import is_hashed
from streamer.store.plate_blocks import drop_blocks
from streamer.store.posteriors import pack
from streamer.store.rows import Record, record_of_row, values_of
from streamer.store.schema import cameras, corrections, hits, passages, plates, posteriors, revisions
from streamer.store.times import now
from streamer.types import Passage, Posterior, WatchMatch

_MOST_KNOWN = 100_000  # plates whose numbers are kept in memory


@dataclass(frozen=True)
class Stored:
    """A passage as it was just written, before its transaction ends. `record`: as in JSON lines; `passage`: None for
    one that is imported or that an earlier run left."""

    passage_id: int
    event_id: str
    revision: int
    status: str
    record: Record
    posterior: Posterior | None = None
    passage: Passage | None = None


Hook = Callable[[Connection, Stored], None]


class Writer:
    """Writes passages of one process. `hooks` are called in the transaction of each new revision of a row that others
    may see (all but status "waiting" and "merged")."""

    def __init__(self, database: Database, *, run_id: int | None = None, hooks: Sequence[Hook] = ()) -> None:
        self.database, self.run_id, self.hooks = database, run_id, tuple(hooks)
        self._plates: dict[str, int] = {}
        self._cameras: dict[str, int] = {}

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction for `put`. Where it fails, nothing of it is kept, here either."""
        try:
            with self.database.write() as connection:
                yield connection
        except BaseException:
            self._plates.clear()  # numbers of rows that may not be there now
            self._cameras.clear()
            raise

    def put(
        self,
        connection: Connection,
        record: Record,
        posterior: Posterior | None = None,
        *,
        status: str = "final",
        passage: Passage | None = None,
        watch: Sequence[WatchMatch] | None = None,
    ) -> Stored | None:
        """Writes a row, or its next revision; None where the store has it so already, or knows better: a final row is
        amended by final rows only. `watch`: what lists of plates say, where there is no `passage` that has it."""
        watch = watch if passage is None else passage.watch
        event_id, hidden = str(record["event_id"]), status in ("waiting", "merged")
        record = self._as_corrected(connection, record)
        values = values_of(record, now())
        values |= {"status": status, "camera_id": self.camera(connection, record)}
        values["plate_id"] = self.plate(connection, str(record["plate"]))
        numbers = self._added(connection, values, revision=0 if hidden else 1)
        if numbers is None:
            numbers = self._amended(connection, values, str(record["plate"]), hidden=hidden)
        if numbers is None:
            return None
        passage_id, revision = numbers
        self._distributions(connection, passage_id, posterior)
        if watch is not None and not hidden:
            self._hits(connection, passage_id, revision, watch)
        if parts := record.get("parts"):
            self._merge(connection, parts)
        stored = Stored(passage_id, event_id, revision, status, record, posterior, passage)
        for hook in () if hidden else self.hooks:
            hook(connection, stored)
        return stored

    def _added(self, connection: Connection, values: dict[str, Any], revision: int) -> tuple[int, int] | None:
        """Number and revision of a new row; None where there is one of its event id (other processes write, too)."""
        values = values | {"revision": revision, "stored_at": now(), "run_id": self.run_id}
        statement = insert(connection, passages).values(values).on_conflict_do_nothing(index_elements=["event_id"])
        number = connection.execute(statement.returning(passages.c.id)).scalar()
        return None if number is None else (int(number), revision)

    def _amended(
        self, connection: Connection, values: dict[str, Any], plate: str, *, hidden: bool
    ) -> tuple[int, int] | None:
        """Number and revision of a row that now has these values; None where it stays as it was."""
        row = _WITH_NAMES.where(passages.c.event_id == values["event_id"]).with_for_update(of=passages)
        found = connection.execute(row).mappings().one()
        if found["last_at"] is None and values["last_at"] is None:
            values = values | {"at": found["at"]}  # the time of storing, where the clock is not known
        knows_better = found["status"] == "final" and values["status"] != "final"
        if knows_better or all(found[key] == value for key, value in values.items()):
            return None
        revision = int(found["revision"])
        was_clear = not is_hashed(found["plate"])
        if revision and found["status"] != "waiting":
            self.archive(connection, dict(found))
        revision += not hidden
        values = values | {"revision": revision, "run_id": self.run_id, "stored_at": now()}
        connection.execute(update(passages).where(passages.c.id == found["id"]).values(values))
        if was_clear and is_hashed(plate):
            self._forget(connection, found["id"], found["plate"], plate)
        return int(found["id"]), revision

    def plate(self, connection: Connection, text: str) -> int:
        """The number of a plate's row."""
        if text not in self._plates:
            if len(self._plates) >= _MOST_KNOWN:
                self._plates.clear()
            self._plates[text] = number_of(
                connection, plates, "text", {"text": text, "folded": folded(text), "hashed": is_hashed(text)}
            )
        return self._plates[text]

    def camera(self, connection: Connection, record: Record) -> int:
        """The number of the row's camera."""
        name = str(record["camera"])
        if name not in self._cameras:
            self._cameras[name] = number_of(connection, cameras, "name", {"name": name, "added_at": now()})
        return self._cameras[name]

    def _as_corrected(self, connection: Connection, record: Record) -> Record:
        """The record with the text that a person gave its passage, which later readings do not undo."""
        if is_hashed(str(record["plate"])):
            return record
        last = (
            select(corrections.c.after)
            .join(passages, corrections.c.passage_id == passages.c.id)
            .where(passages.c.event_id == record["event_id"])
            .order_by(corrections.c.id.desc())
        )
        text = connection.execute(last.limit(1)).scalar()
        if text is None or text == record["plate"]:
            return record
        return {**record, "plate": text, "char_confidence": []}

    def archive(self, connection: Connection, found: Record) -> None:
        """Keeps the values of a row before it is changed."""
        row = json.dumps(record_of_row(found), ensure_ascii=False, separators=(",", ":"))
        values = {
            "passage_id": found["id"], "revision": found["revision"], "stored_at": found["stored_at"], "row": row,
        }  # fmt: skip
        connection.execute(insert(connection, revisions).values(values).on_conflict_do_nothing())

    def _forget(self, connection: Connection, passage_id: int, plate: str, hashed: str) -> None:
        """A plate that was stored in clear, while a list reported it, is to be kept as a hash now."""
        connection.execute(delete(posteriors).where(posteriors.c.passage_id == passage_id))
        connection.execute(delete(corrections).where(corrections.c.passage_id == passage_id))
        earlier = select(revisions).where(revisions.c.passage_id == passage_id)
        texts = {plate}
        for row in connection.execute(earlier).mappings().all():
            record = json.loads(row["row"])
            texts.add(record["plate"])
            record |= {"plate": hashed, "alternatives": [], "char_confidence": []}
            same = (revisions.c.passage_id == passage_id) & (revisions.c.revision == row["revision"])
            connection.execute(update(revisions).where(same).values(row=json.dumps(record, ensure_ascii=False)))
        used = exists().where(passages.c.plate_id == plates.c.id)
        unused = delete(plates).where(plates.c.text.in_(texts), ~plates.c.hashed, ~used)
        drop_blocks(connection, connection.execute(unused.returning(plates.c.id)).scalars())
        for text in texts:
            self._plates.pop(text, None)

    def _distributions(self, connection: Connection, passage_id: int, posterior: Posterior | None) -> None:
        if posterior:
            slots = pack(posterior)
            statement = insert(connection, posteriors).values(passage_id=passage_id, slots=slots)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["passage_id"], set_={"slots": statement.excluded.slots})
            )

    def _hits(self, connection: Connection, passage_id: int, revision: int, found: Sequence[WatchMatch]) -> None:
        """What lists of plates say of the row now."""
        connection.execute(delete(hits).where(hits.c.passage_id == passage_id))
        for match in found:
            details = {k: v for k, v in asdict(match).items() if k not in ("list", "plate", "mode", "score") and v}
            values = {
                "passage_id": passage_id, "revision": revision, "watchlist": match.list, "entry": match.plate,
                "how": match.mode, "score": match.score, "at": now(),
                "details": json.dumps(details, ensure_ascii=False),
            }  # fmt: skip
            connection.execute(insert(connection, hits).values(values).on_conflict_do_nothing())

    def _merge(self, connection: Connection, parts: Sequence[str]) -> None:
        """The rows of passages that became parts of another one are no rows any more."""
        unsettled = passages.c.status.in_(("provisional", "waiting"))
        connection.execute(
            update(passages).where(passages.c.event_id.in_(list(parts)), unsettled).values(status="merged")
        )


_WITH_NAMES = (
    select(passages, cameras.c.name.label("camera"), plates.c.text.label("plate"))
    .join(cameras, passages.c.camera_id == cameras.c.id)
    .join(plates, passages.c.plate_id == plates.c.id)
)


def with_names() -> Any:
    """The rows of `passages` with `camera` and `plate`, as `record_of_row` wants them."""
    return _WITH_NAMES


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that may say what happens on a conflict."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def new_id(connection: Connection, table: Table, values: dict[str, Any]) -> int:
    """Adds a row and gives its number."""
    return int(connection.execute(table.insert().returning(table.c.id), values).scalar_one())


def number_of(connection: Connection, table: Table, key: str, values: dict[str, Any]) -> int:
    """The number of the row of that key, which is added where there is none; several processes may do so at once."""
    wanted = select(table.c.id).where(table.c[key] == values[key])
    found = connection.execute(wanted).scalar()
    if found is None:
        connection.execute(insert(connection, table).values(values).on_conflict_do_nothing(index_elements=[key]))
        found = connection.execute(wanted).scalar_one()
    return int(found)
