"""What a store holds, in numbers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from streamer.store.database import Database, version_of
from streamer.store.schema import cameras, files, hits, outbox, passages, plates, rejections
from streamer.store.times import moment


def stats(database: Database) -> dict[str, Any]:
    """Counts of rows by status and by camera, of pictures and of what waits to be delivered; size on the disk."""
    with database.read() as connection:

        def count(table: Any) -> int:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

        by_status = _counts(connection, passages.c.status)
        span = select(passages.c.camera_id, func.count(), func.min(passages.c.at), func.max(passages.c.at))
        names = {row.id: row.name for row in connection.execute(select(cameras.c.id, cameras.c.name))}
        by_camera = connection.execute(span.group_by(passages.c.camera_id)).all()
        pictures = connection.execute(select(func.count(), func.coalesce(func.sum(files.c.bytes), 0))).one()
        deliveries = _counts(connection, outbox.c.state)
        found: dict[str, Any] = {
            "store": database.name,
            "schema": version_of(database),
            "passages": sum(by_status.values()),
            "by_status": by_status,
            "plates": count(plates),
            "cameras": [
                {
                    "camera": names[number], "passages": rows, "first": moment(first).isoformat(timespec="seconds"),
                    "last": moment(last).isoformat(timespec="seconds"),
                }
                for number, rows, first, last in sorted(by_camera, key=lambda row: str(names[row[0]]))
            ],
            "rejections": count(rejections),
            "hits": count(hits),
            "pictures": {"files": int(pictures[0]), "bytes": int(pictures[1])},
            "outbox": deliveries,
        }  # fmt: skip
    return found | {"bytes": size_of(database)}


def _counts(connection: Connection, column: Any) -> dict[str, int]:
    """How often each value is there."""
    found = connection.execute(select(column, func.count()).group_by(column))
    return dict(sorted((str(row[0]), int(row[1])) for row in found))


def size_of(database: Database) -> int:
    """Bytes on the disk, without pictures."""
    path = database.place.path
    if path is not None:
        beside = [path, path.with_name(path.name + "-wal")]
        return sum(file.stat().st_size for file in beside if file.exists())
    with database.read() as connection:
        return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
