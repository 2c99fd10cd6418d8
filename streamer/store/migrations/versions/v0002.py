"""Corrections by hand, and crops of tracks without a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EXACT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", ID, nullable=False),
        sa.Column("passage_id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("before", EXACT, nullable=False),
        sa.Column("after", EXACT, nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.id"], name=op.f("fk_corrections_passage_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_passage_id_id"), "corrections", ["passage_id", "id"], unique=False)
    op.create_index(op.f("ix_corrections_before"), "corrections", ["before"], unique=False)
    op.create_table(
        "rejection_crops",
        sa.Column("rejection_id", ID, autoincrement=False, nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rejection_id"], ["rejections.id"], name=op.f("fk_rejection_crops_rejection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rejection_id", name=op.f("pk_rejection_crops")),
    )
