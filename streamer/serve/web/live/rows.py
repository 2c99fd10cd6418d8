"""The last rows for the live page: of the run in this process, else of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from streamer.serve.web.faults import Unavailable
from streamer.serve.web.live.recent import MOST, PageSink, Row
from streamer.serve.web.roles import User
from streamer.store.database import Database
from streamer.store.rows import record_of_row
from streamer.store.schema import cameras, files, hits, passages
from streamer.store.write import with_names

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

_SHOWN = ("final", "provisional", "waiting")


def last_rows(site: Site, user: User, limit: int = 30) -> list[Row]:
    """The newest rows that the user may see, the newest first."""
    sink = page_sink(site)
    if sink is not None:
        rows = [row for row in sink.rows() if user.sees(row.camera)]
        if rows or site.store is None:
            return rows[:limit]
    try:
        return [] if site.store is None else stored_rows(site.database(), user, limit=limit)
    except Unavailable:
        return []


def page_sink(site: Site) -> PageSink | None:
    """What the run in this process has told of its rows; None where a store is served alone."""
    if site.streams is None:
        return None
    return next((one for one in site.streams.onlookers if isinstance(one, PageSink)), None)


def stored_rows(
    database: Database, user: User | None = None, *, after: int | None = None, limit: int = 30
) -> list[Row]:
    """Rows of the store, the newest first; `after`: those with a greater number."""
    wanted = select(passages.c.id).where(passages.c.status.in_(_SHOWN))
    if user is not None and user.cameras is not None:
        wanted = wanted.where(
            passages.c.camera_id.in_(select(cameras.c.id).where(cameras.c.name.in_(sorted(user.cameras))))
        )
    if after is not None:
        wanted = wanted.where(passages.c.id > after)
    with database.read() as connection:
        ids = connection.execute(wanted.order_by(passages.c.id.desc()).limit(min(limit, MOST))).scalars().all()
        return rows_of(connection, ids)


def rows_of(connection: Connection, numbers: Sequence[int]) -> list[Row]:
    """The rows of these numbers, in their order."""
    found: dict[int, Any] = {
        row["id"]: row for row in connection.execute(with_names().where(passages.c.id.in_(numbers))).mappings()
    }
    crops = set(
        connection.execute(
            select(files.c.passage_id).where(files.c.passage_id.in_(numbers), files.c.kind == "crop")
        ).scalars()
    )
    lists: dict[int, tuple[str, ...]] = {}
    for number, name in connection.execute(
        select(hits.c.passage_id, hits.c.watchlist).where(hits.c.passage_id.in_(numbers))
    ):
        lists[number] = (*lists.get(number, ()), name)
    return [_row(record_of_row(found[k]), found[k]["at"], k in crops, lists.get(k, ())) for k in numbers if k in found]


def _row(record: dict[str, Any], at: int, crop: bool, lists: tuple[str, ...]) -> Row:
    return Row(
        record["event_id"],
        record["camera"],
        record["plate"],
        record["confidence"],
        "final" if record["status"] == "final" else "provisional",
        at if record["first_seen"] else None,
        tuple(record["char_confidence"]),
        tuple(record["flags"]),
        record["region"] or "",
        record["zone"],
        lists,
        tuple(record["parts"]),
        crop,
        record["revision"],
    )
