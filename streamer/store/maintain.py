"""Space that deleted rows left, given back to the disk."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists

from streamer.store.database import Database
from streamer.store.plate_blocks import drop_blocks, keep_blocks
from streamer.store.schema import passages, plate_blocks, plates
from streamer.store.stats import size_of


def vacuum(database: Database) -> tuple[int, int]:
    """Removes plates without a row, makes the copies for searches anew and rewrites the database; gives its bytes
    before and after."""
    before = size_of(database)
    with database.write() as connection:
        drop_unused_plates(connection)
        connection.execute(delete(plate_blocks))
    keep_blocks(database)
    commands = ["VACUUM", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"]
    with database.outside_transactions() as connection:
        for command in commands if database.is_sqlite else ["VACUUM ANALYZE"]:
            connection.exec_driver_sql(command)
    return before, size_of(database)


def drop_unused_plates(connection: Connection) -> int:
    """Deletes distinct plates that no passage has; gives how many."""
    used = exists().where(passages.c.plate_id == plates.c.id)
    gone = connection.execute(delete(plates).where(~used).returning(plates.c.id)).scalars().all()
    drop_blocks(connection, gone)
    return len(gone)
