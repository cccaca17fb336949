"""Daily figures by subject, content by day, drift, saved views; figures are counted anew at the next start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXED = (("events", "at"), ("assets", "taken_at"), ("assets", "created_at"), ("reviews", "event_id"))


def upgrade() -> None:
    for table, column in _INDEXED:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.drop_table("daily")
    op.create_table(
        "daily",
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "day", "kind", name=op.f("pk_daily")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_daily_subject_day_key_kind_n"), "daily", ["subject", "day", "key", "kind", "n"])
    op.create_table(
        "content",
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("part", sa.String(60), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("tag_id", sa.String(120), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("basis", "part", "day", "tag_id", name=op.f("pk_content")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_content_basis_part_tag_id_day_n"), "content", ["basis", "part", "tag_id", "day", "n"])
    op.create_table(
        "drift",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_drift")),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("page", sa.String(24), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
