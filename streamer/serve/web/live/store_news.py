"""News of a store that another process writes: rows that were added since, and those that changed while not final."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from streamer.serve.web.live.rows import rows_of, stored_rows
from streamer.store.schema import cameras, hits, passages

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

_MOST_OPEN = 200


class StoreNews:
    """Asked every other second, while somebody listens."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last: int | None = None
        self._last_hit = 0
        self._open: dict[int, int] = {}  # rows that are not final, by their revision

    def publish(self) -> None:
        """Publishes what is new; the first call only notes where the store stands."""
        site = self._site
        if site.runs_cameras or site.store is None:
            return
        database = site.database()
        with database.read() as connection:
            newest = connection.execute(select(func.coalesce(func.max(passages.c.id), 0))).scalar_one()
            newest_hit = connection.execute(select(func.coalesce(func.max(hits.c.id), 0))).scalar_one()
        if self._last is None:
            self._last, self._last_hit = newest, newest_hit
            return
        rows = stored_rows(database, after=self._last) if newest > self._last else []
        for row in reversed(rows):
            site.feed.publish("passage", row.camera, row)
        self._changed(self._last)
        self._hits()
        self._last, self._last_hit = newest, newest_hit

    def _changed(self, after: int) -> None:
        waits = passages.c.status.in_(("provisional", "waiting"))
        with self._site.database().read() as connection:
            recent = select(passages.c.id, passages.c.revision).where(passages.c.id > after - _MOST_OPEN, waits)
            now = {row.id: row.revision for row in connection.execute(recent)}
            changed = [k for k, revision in self._open.items() if now.get(k) != revision]
            rows = rows_of(connection, changed) if changed else []
        self._open = now
        for row in rows:
            self._site.feed.publish("passage", row.camera, row)

    def _hits(self) -> None:
        wanted = (
            select(hits, passages.c.event_id, cameras.c.name.label("camera"))
            .join(passages, hits.c.passage_id == passages.c.id)
            .join(cameras, passages.c.camera_id == cameras.c.id)
            .where(hits.c.id > self._last_hit)
            .order_by(hits.c.id)
            .limit(100)
        )
        with self._site.database().read() as connection:
            rows = connection.execute(wanted).all()
        for row in rows:
            told = {"list": row.watchlist, "entry": row.entry, "camera": row.camera, "event_id": row.event_id}
            self._site.feed.publish("hit", row.camera, told)
