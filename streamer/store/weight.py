"""How much room rows take. Neither database gives the space of deleted ones back by itself."""

from __future__ import annotations

from sqlalchemy import func, select, text

from streamer.store.database import Database
from streamer.store.schema import passages

_SAMPLE = 2000


def bytes_of_rows(database: Database) -> tuple[int, int]:
    """The number of passages, and the bytes of all rows with their indexes."""
    with database.read() as connection:
        rows = int(connection.execute(select(func.count()).select_from(passages)).scalar_one())
        if database.is_sqlite:
            pages, free, size = (
                int(connection.execute(text(f"PRAGMA {name}")).scalar_one())
                for name in ("page_count", "freelist_count", "page_size")
            )
            return rows, (pages - free) * size
        weight = text(
            "SELECT coalesce(avg(pg_column_size(p.*) + coalesce(pg_column_size(q.*), 0)), 0) FROM (SELECT * FROM "
            f"passages ORDER BY id DESC LIMIT {_SAMPLE}) p LEFT JOIN posteriors q ON q.passage_id = p.id"
        )
        each = float(connection.execute(weight).scalar_one())
        return rows, round(rows * each * 1.6)  # indexes take more than half as much again
