"""Families of vectors: which models and instructions the archive is known under; what each has yet to learn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "families",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("encoder", sa.Text, nullable=False),
        sa.Column("instruction", sa.Text, nullable=False, server_default=""),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("seen", _ID, nullable=False, server_default="0"),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    _rename("dirty", "old_dirty")
    op.create_table(
        "dirty",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("tag_id", sa.String(120), primary_key=True),
        sa.Column("marked", sa.String(32), nullable=False),
    )
    known = "(SELECT DISTINCT fingerprint FROM learned) AS known"
    op.execute(
        "INSERT INTO dirty (fingerprint, tag_id, marked) "
        f"SELECT known.fingerprint, old_dirty.tag_id, old_dirty.marked FROM old_dirty, {known}"
    )
    op.drop_table("old_dirty")
    op.add_column("outbox", sa.Column("fingerprint", sa.String(64), nullable=False, server_default=""))
    op.execute(
        "UPDATE outbox SET fingerprint = (SELECT fingerprint FROM learned ORDER BY revision DESC LIMIT 1) "
        "WHERE EXISTS (SELECT 1 FROM learned)"
    )


def downgrade() -> None:
    op.drop_column("outbox", "fingerprint")
    _rename("dirty", "new_dirty")
    op.create_table(
        "dirty",
        sa.Column("tag_id", sa.String(120), primary_key=True),
        sa.Column("marked", sa.String(32), nullable=False),
    )
    op.execute("INSERT INTO dirty (tag_id, marked) SELECT tag_id, MAX(marked) FROM new_dirty GROUP BY tag_id")
    op.drop_table("new_dirty")
    op.drop_table("families")


def _rename(table: str, name: str) -> None:
    op.rename_table(table, name)
    if op.get_bind().dialect.name == "postgresql":  # where the key's name is the schema's and not the table's
        op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{name}")
