"""Left-out logits and calibration, which suggestions a person saw, acts of many decisions; no prototypes any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.String(length=60), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_calibrations")),
    )
    with op.batch_alter_table("events") as batch:
        batch.add_column(sa.Column("act", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_events_act"), "events", ["act"])
    op.create_index(op.f("ix_assets_review_sample"), "assets", ["review", "sample"])
    with op.batch_alter_table("labels") as batch:
        batch.add_column(sa.Column("shown", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("learned") as batch:
        batch.add_column(sa.Column("left_out", sa.LargeBinary(), server_default="", nullable=False))
    with op.batch_alter_table("packs") as batch:
        batch.drop_column("prototype_scale")
    op.execute(
        "UPDATE labels SET shown = true WHERE EXISTS (SELECT 1 FROM events WHERE events.id = labels.event_id "
        "AND events.tag_id = labels.tag_id AND events.kind <> 'add' "
        "AND CAST(events.payload AS TEXT) LIKE '%probability%')"
    )
    op.execute("INSERT INTO counters (name, n) SELECT 'done.' || profile, count(*) FROM reviews GROUP BY profile")
    # Whatever an earlier learner fitted is fitted anew.
    op.execute("DELETE FROM dirty")
    op.execute("INSERT INTO dirty (tag_id, marked) SELECT id, 'migration 0002' FROM tags")
