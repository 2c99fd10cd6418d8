"""Run by Alembic: the migrations on the connection that migrate.py opened."""

from __future__ import annotations

from alembic import context

from streamer.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters no column in place
    transaction_per_migration=False,
)
context.run_migrations()
