"""Migrations of the schema, by Alembic."""

from __future__ import annotations

from pathlib import Path

from streamer.errors import ConfigError
from streamer.store.database import Database, version_of
from streamer.store.extras import extra
from streamer.store.schema import HEAD


def migrate(database: Database) -> tuple[str | None, str]:
    """Brings the schema to this version; gives the version before and after. One transaction: all of it, or nothing."""
    before = version_of(database)
    if before is not None and before > HEAD:
        raise ConfigError(f"{database.name}: was written by a newer version of this program: install that")
    if before == HEAD:
        return before, HEAD
    extra("alembic", "store")
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with database.write() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
    return before, HEAD
