"""Leases, how sure suggestions were, what a batch's review has come to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("asset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_leases_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_until"), "leases", ["until"])
    op.add_column("assets", sa.Column("margin", sa.Float(), server_default="0", nullable=False))
    op.create_index(op.f("ix_assets_review_margin"), "assets", ["review", "margin"])
    op.create_index(
        op.f("ix_suggestions_profile_tag_id_probability"), "suggestions", ["profile", "tag_id", "probability"]
    )
    op.execute(
        "INSERT INTO counters (name, n) SELECT 'batch.' || batch_id || '.' || review, count(*) FROM "
        "(SELECT DISTINCT items.batch_id, assets.id, assets.review FROM items "
        "JOIN assets ON assets.id = items.asset_id) AS found GROUP BY batch_id, review"
    )
