"""Left-out tags weigh as much as their category was looked at: all tags are fitted again.

Rows of `learned.left_out` have another form now; they are emptied until the next fit writes them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    _fit_again()


def downgrade() -> None:
    _fit_again()


def _fit_again() -> None:
    op.execute(
        "INSERT INTO dirty (fingerprint, tag_id, marked) SELECT fingerprint, tag_id, '0012' FROM learned WHERE true "
        "ON CONFLICT (fingerprint, tag_id) DO UPDATE SET marked = excluded.marked"
    )
    learned = sa.table("learned", sa.column("left_out", sa.LargeBinary))
    op.execute(learned.update().values(left_out=b""))
