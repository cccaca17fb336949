"""File names and words in one form, whatever their case and however their accents are composed."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_BATCH = 2_000
_WORDS_MAX = 400
_ASSETS = sa.table(
    "assets",
    *(sa.column(name) for name in ("id", "name", "title", "caption", "body", "folded_name")),
)
_WORDS = sa.table("asset_words", sa.column("asset_id"), sa.column("word"))


def upgrade() -> None:
    op.add_column("assets", sa.Column("folded_name", sa.Text, nullable=False, server_default=""))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(_after(last)).all():
        connection.execute(
            sa.update(_ASSETS)
            .where(_ASSETS.c.id == sa.bindparam("asset"))
            .values(folded_name=sa.bindparam("form")),
            [{"asset": row.id, "form": _fold(row.name)} for row in rows],
        )
        for row in rows:
            text = " ".join((row.title, row.caption, row.body))
            if not unicodedata.is_normalized("NFC", text.casefold()):
                _index(connection, row.id, text)
        last = rows[-1].id


def downgrade() -> None:
    op.drop_column("assets", "folded_name")


def _after(last: int) -> sa.Select[tuple[int, str, str, str, str]]:
    columns = _ASSETS.c.id, _ASSETS.c.name, _ASSETS.c.title, _ASSETS.c.caption, _ASSETS.c.body
    return sa.select(*columns).where(_ASSETS.c.id > last).order_by(_ASSETS.c.id).limit(_BATCH)


def _index(connection: sa.Connection, asset_id: int, text: str) -> None:
    connection.execute(sa.delete(_WORDS).where(_WORDS.c.asset_id == asset_id))
    words: dict[str, None] = {}
    for run in re.findall(r"[一-鿿]+|[^\W_一-鿿]+", _fold(text)):
        if "一" <= run[0] <= "鿿":
            words |= dict.fromkeys([run[i : i + 2] for i in range(len(run) - 1)] or [run])
        else:
            words[run[:64]] = None
    if words:
        connection.execute(
            sa.insert(_WORDS), [{"asset_id": asset_id, "word": word} for word in list(words)[:_WORDS_MAX]]
        )


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
