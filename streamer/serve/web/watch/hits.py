"""What lists reported, from the store."""

from __future__ import annotations

from sqlalchemy import func, select

from streamer.serve.web.roles import User
from streamer.store.database import Database
from streamer.store.paging import Line, lines_of
from streamer.store.schema import cameras, hits, passages
from streamer.store.selection import SHOWN


def newest_hits(store: Database, user: User, name: str | None = None, most: int = 30) -> list[Line]:
    """The passages that were reported last, the newest first."""
    wanted = select(hits.c.passage_id).join(passages, hits.c.passage_id == passages.c.id)
    wanted = wanted.where(passages.c.status.in_(SHOWN))
    if name is not None:
        wanted = wanted.where(hits.c.watchlist == name)
    if user.cameras is not None:
        wanted = wanted.join(cameras, passages.c.camera_id == cameras.c.id)
        wanted = wanted.where(cameras.c.name.in_(sorted(user.cameras)))
    order = (hits.c.at.desc(), hits.c.id.desc()) if name is not None else (hits.c.id.desc(),)
    with store.read() as connection:
        found = connection.execute(wanted.order_by(*order).limit(2 * most)).scalars().all()
        return lines_of(connection, list(dict.fromkeys(found))[:most])


def counts(store: Database, user: User, since: int) -> dict[str, int]:
    """How many passages each list reported since then."""
    wanted = select(hits.c.watchlist, func.count(hits.c.passage_id.distinct())).where(hits.c.at >= since)
    if user.cameras is not None:
        wanted = wanted.join(passages, hits.c.passage_id == passages.c.id)
        wanted = wanted.join(cameras, passages.c.camera_id == cameras.c.id)
        wanted = wanted.where(cameras.c.name.in_(sorted(user.cameras)))
    with store.read() as connection:
        return {str(name): int(n) for name, n in connection.execute(wanted.group_by(hits.c.watchlist))}
