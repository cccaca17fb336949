"""Merged, deleted and sensitive tags, proposals, back-fills, the protected set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIBRARY = sa.text("kind IN ('tag', 'category', 'profile')")


def upgrade() -> None:
    op.create_index(op.f("ix_events_other_tag_id"), "events", ["other_tag_id"])
    op.create_index("ix_events_library", "events", ["id"], sqlite_where=_LIBRARY, postgresql_where=_LIBRARY)
    op.create_index(op.f("ix_daily_tag_id_day_kind_n"), "daily", ["tag_id", "day", "kind", "n"])
    op.add_column("categories", sa.Column("state", sa.String(12), server_default="active", nullable=False))
    op.add_column("tags", sa.Column("merged_after", sa.BigInteger()))
    op.add_column("tags", sa.Column("sensitive", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tags", sa.Column("target", sa.Float()))
    for table in ("categories", "tags", "profiles"):
        op.add_column(table, sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))
        op.create_index(op.f(f"ix_{table}_revision"), table, ["revision"])
    op.create_table(
        "proposals",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_proposals")),
    )
    op.create_index(op.f("ix_proposals_kind"), "proposals", ["kind"])
    op.create_table(
        "dismissed",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_dismissed")),
    )
    op.create_table(
        "protected",
        sa.Column("asset_id", _ID, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_protected_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_protected")),
    )
    op.create_table(
        "alerts",
        sa.Column("asset_id", _ID, nullable=False),
        sa.Column("protected_id", _ID, nullable=False),
        sa.Column("cosine", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_alerts_asset_id_assets")),
        sa.ForeignKeyConstraint(["protected_id"], ["assets.id"], name=op.f("fk_alerts_protected_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", "protected_id", name=op.f("pk_alerts")),
    )
    op.create_table(
        "backfills",
        sa.Column("tag_id", sa.String(120), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("seen", _ID, server_default="0", nullable=False),
        sa.Column("looked_at", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", name=op.f("pk_backfills")),
    )
    op.create_index(op.f("ix_backfills_state"), "backfills", ["state"])
    op.create_table(
        "rechecks",
        sa.Column("tag_id", sa.String(120), nullable=False),
        sa.Column("asset_id", _ID, nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_rechecks_asset_id_assets")),
        sa.PrimaryKeyConstraint("tag_id", "asset_id", name=op.f("pk_rechecks")),
    )
    op.create_index(op.f("ix_rechecks_tag_id_wanted_probability"), "rechecks", ["tag_id", "wanted", "probability"])
