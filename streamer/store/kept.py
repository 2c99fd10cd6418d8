"""The final passages of a store, for what compares all of them."""

from __future__ import annotations

from sqlalchemy import exists, select

from streamer.store.database import Database, open_database
from streamer.store.posteriors import unpack
from streamer.store.rows import record_of_row
from streamer.store.schema import cameras, corrections, passages, plates, posteriors
from streamer.store.write import with_names
from streamer.types import Passage
from streamer.watch.history import passage_of_record

# A passage whose text a person put in place of what was read has no distributions of that text.
_OF_ITS_TEXT = (posteriors.c.passage_id == passages.c.id) & ~exists().where(corrections.c.passage_id == passages.c.id)


def newest_passages(database: Database, most: int, cameras_seen: frozenset[str] | None = None) -> list[Passage]:
    """The newest ones whose plates are kept in clear, with their distributions, the newest first. `cameras_seen`: the
    only ones that may be looked at."""
    wanted = with_names().add_columns(posteriors.c.slots).outerjoin(posteriors, _OF_ITS_TEXT)
    wanted = wanted.where(passages.c.status == "final", ~plates.c.hashed)
    if cameras_seen is not None:
        wanted = wanted.where(cameras.c.name.in_(sorted(cameras_seen)))
    with database.read() as connection:
        rows = connection.execute(wanted.order_by(passages.c.at.desc()).limit(most)).mappings().all()
    return [
        passage_of_record(record_of_row(dict(row)), None if row["slots"] is None else unpack(row["slots"]))
        for row in rows
    ]


def final_passages(where: str) -> list[Passage]:
    """Those whose plates are kept in clear, oldest first, with their distributions where these are kept."""
    found = []
    with open_database(where) as database, database.read() as connection:
        by_hand = select(corrections.c.passage_id)
        kept = posteriors.select().where(posteriors.c.passage_id.not_in(by_hand))
        slots = {row.passage_id: row.slots for row in connection.execute(kept)}
        final = with_names().where(passages.c.status == "final", ~plates.c.hashed).order_by(passages.c.at)
        for row in connection.execute(final).mappings():
            packed = slots.get(row["id"])
            found.append(passage_of_record(record_of_row(dict(row)), None if packed is None else unpack(packed)))
    return found
