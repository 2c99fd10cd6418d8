"""The audit log: who searched, exported, imported and purged."""

from __future__ import annotations

import getpass
import json
import platform
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from streamer.store.database import Database
from streamer.store.schema import audit
from streamer.store.times import now


def noted(
    database: Database, action: str, details: Mapping[str, Any], *, rows: int | None = None, who: str | None = None
) -> None:
    """Adds a line in a transaction of its own."""
    with database.write() as connection:
        note(connection, action, details, rows=rows, who=who)


def note(
    connection: Connection, action: str, details: Mapping[str, Any], *, rows: int | None = None, who: str | None = None
) -> None:
    """Adds a line in the transaction of what it tells."""
    told = json.dumps(dict(details), ensure_ascii=False)
    values = {"at": now(), "who": who or user(), "action": action, "details": told, "rows": rows}
    connection.execute(audit.insert(), values)


def user() -> str:
    """The user of this process and its machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # no name for the user's number
        name = "unknown"
    return f"{name}@{platform.node()}"
