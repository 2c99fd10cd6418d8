"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EXACT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)

    op.create_table(
        "cameras",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", EXACT, nullable=False),
        sa.Column("source", sa.String(), server_default="", nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cameras")),
        sa.UniqueConstraint("name", name=op.f("uq_cameras_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("target", EXACT, nullable=False),
        sa.Column("camera", EXACT, nullable=False),
        sa.Column("event_id", EXACT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("target", "event_id", "revision", name=op.f("uq_outbox_target_event_id_revision")),
    )
    op.create_index(
        op.f("ix_outbox_target_camera_state_id"), "outbox", ["target", "camera", "state", "id"], unique=False
    )
    op.create_index(
        op.f("ix_outbox_target_state_next_try_at"), "outbox", ["target", "state", "next_try_at"], unique=False
    )

    op.create_table(
        "plates",
        sa.Column("id", ID, nullable=False),
        sa.Column("text", EXACT, nullable=False),
        sa.Column("folded", EXACT, nullable=False),
        sa.Column("hashed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plates")),
        sa.UniqueConstraint("text", name=op.f("uq_plates_text")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_plates_folded"), "plates", ["folded"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_table(
        "health",
        sa.Column("id", ID, nullable=False),
        sa.Column("camera_id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name=op.f("fk_health_camera_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health")),
    )
    op.create_index(op.f("ix_health_camera_id_at"), "health", ["camera_id", "at"], unique=False)

    op.create_table(
        "passages",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", EXACT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("camera_id", ID, nullable=False),
        sa.Column("plate_id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("offset_s", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("time_source", sa.String(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.Column("first_frame", sa.BigInteger(), nullable=False),
        sa.Column("last_frame", sa.BigInteger(), nullable=False),
        sa.Column("best_frame", sa.BigInteger(), nullable=False),
        sa.Column("first_s", sa.Double(), nullable=False),
        sa.Column("last_s", sa.Double(), nullable=False),
        sa.Column("dwell_s", sa.Double(), nullable=False),
        sa.Column("n_reads", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("zone", sa.String(), nullable=True),
        sa.Column("flags", sa.String(), nullable=True),
        sa.Column("direction_deg", sa.Integer(), nullable=True),
        sa.Column("movement", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("colour", sa.String(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name=op.f("fk_passages_camera_id")),
        sa.ForeignKeyConstraint(["plate_id"], ["plates.id"], name=op.f("fk_passages_plate_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passages")),
        sa.UniqueConstraint("event_id", name=op.f("uq_passages_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_passages_at"), "passages", ["at"], unique=False)
    op.create_index(op.f("ix_passages_camera_id_at"), "passages", ["camera_id", "at"], unique=False)
    op.create_index(op.f("ix_passages_plate_id_at"), "passages", ["plate_id", "at"], unique=False)

    op.create_table(
        "rejections",
        sa.Column("id", ID, nullable=False),
        sa.Column("camera_id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_rejections_camera_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejections")),
    )
    op.create_index(op.f("ix_rejections_at"), "rejections", ["at"], unique=False)
    op.create_index(op.f("ix_rejections_camera_id_at"), "rejections", ["camera_id", "at"], unique=False)

    op.create_table(
        "files",
        sa.Column("id", ID, nullable=False),
        sa.Column("passage_id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["passage_id"], ["passages.id"], name=op.f("fk_files_passage_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("passage_id", "kind", name=op.f("uq_files_passage_id_kind")),
        sa.UniqueConstraint("path", name=op.f("uq_files_path")),
    )
    op.create_index(op.f("ix_files_at"), "files", ["at"], unique=False)

    op.create_table(
        "hits",
        sa.Column("id", ID, nullable=False),
        sa.Column("passage_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("watchlist", EXACT, nullable=False),
        sa.Column("entry", EXACT, nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["passage_id"], ["passages.id"], name=op.f("fk_hits_passage_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hits")),
        sa.UniqueConstraint("passage_id", "watchlist", "entry", name=op.f("uq_hits_passage_id_watchlist_entry")),
    )
    op.create_index(op.f("ix_hits_watchlist_at"), "hits", ["watchlist", "at"], unique=False)

    op.create_table(
        "posteriors",
        sa.Column("passage_id", ID, autoincrement=False, nullable=False),
        sa.Column("slots", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.id"], name=op.f("fk_posteriors_passage_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("passage_id", name=op.f("pk_posteriors")),
    )
    op.create_table(
        "revisions",
        sa.Column("passage_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.id"], name=op.f("fk_revisions_passage_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("passage_id", "revision", name=op.f("pk_revisions")),
    )
