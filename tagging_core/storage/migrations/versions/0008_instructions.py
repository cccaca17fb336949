"""Whether models are told a profile's instruction; prompts that are meant for one model alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("profiles", sa.Column("followed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tags", sa.Column("own_prompts", sa.JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("tags", "own_prompts")
    op.drop_column("profiles", "followed")
