"""Learned starters: classifiers of the starter tags, fitted to labelled photos before delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "starters",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_starters")),
    )
    op.add_column("packs", sa.Column("starter", sa.String(64)))


def downgrade() -> None:
    op.drop_column("packs", "starter")
    op.drop_table("starters")
