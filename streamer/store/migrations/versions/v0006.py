"""The times of a plate's passages from the index alone, in PostgreSQL too."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(op.f("ix_passages_plate_id_at"), table_name="passages")
        op.create_index(
            op.f("ix_passages_plate_id_at"), "passages", ["plate_id", "at"], unique=False, postgresql_include=["id"]
        )
