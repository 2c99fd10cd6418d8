"""Copies of the texts of plates, for searches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plate_blocks",
        sa.Column("block", ID, autoincrement=False, nullable=False),
        sa.Column("texts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block", name=op.f("pk_plate_blocks")),
    )
    if op.get_bind().dialect.name == "postgresql":  # packed anew for every search otherwise
        op.execute("ALTER TABLE plate_blocks ALTER COLUMN texts SET STORAGE EXTERNAL")
