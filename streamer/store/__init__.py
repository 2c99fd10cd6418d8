"""The store: passages in a database (SQLite or PostgreSQL), their pictures beside it, search, import and export."""

from __future__ import annotations

from streamer.store.extras import extra

extra("sqlalchemy", "store")  # before anything here imports it: one line where it is not installed
