"""URIs of the thesaurus concepts and schemes that tags and categories were imported from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for table in ("tags", "categories"):
        op.add_column(table, sa.Column("uri", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    for table in ("tags", "categories"):
        op.drop_column(table, "uri")
