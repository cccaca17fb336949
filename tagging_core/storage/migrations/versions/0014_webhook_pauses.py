"""Why a webhook was paused by its receiver, and until when its receiver wants no request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("pause_reason", sa.Text, nullable=False, server_default=""))
    op.add_column("webhooks", sa.Column("not_before", sa.Float, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("webhooks", "not_before")
    op.drop_column("webhooks", "pause_reason")
