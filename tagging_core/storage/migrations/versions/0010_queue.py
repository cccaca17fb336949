"""The queue: when workers were told of a chunk, when it may be tried again, and why it could not be done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("bulk", sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("sent_at", "not_before", "done_at"):
        op.add_column("chunks", sa.Column(name, sa.Float))
    op.add_column("chunks", sa.Column("error", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_chunks_state_sent_at", "chunks", ["state", "sent_at"])
    op.create_index("ix_chunks_state_leased_until", "chunks", ["state", "leased_until"])
    op.create_index("ix_chunks_done_at", "chunks", ["done_at"])
    _shorten_sources()


def downgrade() -> None:
    for name in ("state_sent_at", "state_leased_until", "done_at"):
        op.drop_index(f"ix_chunks_{name}", "chunks")
    for name in ("sent_at", "not_before", "done_at", "error"):
        op.drop_column("chunks", name)
    op.drop_column("jobs", "bulk")


def _shorten_sources() -> None:
    """Staged files have names in the depot now, no paths of one machine."""
    items = sa.table(
        "items", sa.column("batch_id"), sa.column("n"), sa.column("source"), sa.column("staged"), sa.column("state")
    )
    connection = op.get_bind()
    waiting = sa.select(items).where(items.c.staged == sa.true(), items.c.state == "waiting")
    for row in connection.execute(waiting).all():
        name = "incoming/" + row.source.replace("\\", "/").rpartition("/incoming/")[2]
        mine = sa.and_(items.c.batch_id == row.batch_id, items.c.n == row.n)
        connection.execute(items.update().where(mine).values(source=name))
