"""Repository of assets: images identified by the SHA-256 of their bytes, with the text that came with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from tagging_core.assets.decoding import Picture
from tagging_core.common import periods
from tagging_core.common.folding import fold
from tagging_core.errors import NotFoundError
from tagging_core.ledger.rollups import reader
from tagging_core.storage import add_to, key_values, upsert
from tagging_core.storage.schema import asset_words, assets, counters, daily

_TEXT_LIMITS = {"title": 500, "caption": 5_000, "body": 100_000}
_WORDS_MAX = 400  # indexed words an asset
_ID_DIGITS = 18  # of a 64-bit id


@dataclass(frozen=True, slots=True)
class AssetText:
    """Text that came with an image; each part may be empty."""

    title: str = ""
    caption: str = ""
    body: str = ""

    def clean(self) -> AssetText:
        """Normalize the text for storage.

        Returns:
            The text trimmed, without unprintable characters except line breaks, and cut to 500 characters of title,
            5,000 of caption and 100,000 of body.
        """
        return AssetText(*(_clean(getattr(self, k))[:limit] for k, limit in _TEXT_LIMITS.items()))

    def as_dict(self) -> dict[str, str]:
        """Convert to a dict, for JSON and SQL.

        Returns:
            The parts under the keys `title`, `caption` and `body`.
        """
        return {"title": self.title, "caption": self.caption, "body": self.body}

    def sentence(self) -> str:
        """Join the parts for the encoder.

        Returns:
            Title, caption and the first 400 characters of the body, separated by `. `; empty if there is no text.
        """
        return ". ".join(part for part in (self.title, self.caption, self.body[:400]) if part)


NO_TEXT = AssetText()
"""Text of an image that came without any."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored asset.

    Attributes:
        name: The client's file name, made safe for display.
        format: Pillow's name of the decoder, such as `JPEG`.
        bytes: Size of the original file.
        taken_at: Capture time, local to the camera, or None.
        created_at: UTC, naive.
        review: One of `ledger.STATES`.
        sample: First 60 bits of the SHA-256, a fixed random number for sampling.
    """

    id: int
    sha256: str
    name: str
    format: str
    width: int
    height: int
    bytes: int
    frames: int
    taken_at: datetime | None
    created_at: datetime
    text: AssetText
    review: str
    sample: int


def safe_name(name: str) -> str:
    """Make a client's file name safe for display: last path component, printable, at most 200 characters."""
    last = re.split(r"[\\/]", name)[-1]
    printable = "".join(c if c.isprintable() else "�" for c in last).strip()
    return printable[-200:] or "unnamed"


@dataclass(frozen=True, slots=True)
class NewAsset:
    """A decoded upload to insert; `size` is the file size in bytes."""

    sha256: str
    name: str
    size: int
    picture: Picture
    text: AssetText


def insert(connection: Connection, arrivals: Sequence[NewAsset]) -> dict[str, tuple[int, bool]]:
    """Insert assets whose SHA-256 is not stored yet, index their text and count them.

    Args:
        connection: A write transaction.
        arrivals: Decoded uploads; of several with the same SHA-256, the last is inserted.

    Returns:
        (asset id, whether it is new) by SHA-256; assets that are not new keep their name and text.
    """
    wanted = {arrival.sha256: arrival for arrival in arrivals}
    query = select(assets.c.sha256, assets.c.id).where(assets.c.sha256.in_(wanted))
    found = {row.sha256: (int(row.id), False) for row in connection.execute(query)}
    fresh = [arrival for name, arrival in wanted.items() if name not in found]
    if not fresh:
        return found
    now = datetime.now(UTC).replace(tzinfo=None)
    statement = assets.insert().returning(assets.c.sha256, assets.c.id, sort_by_parameter_order=True)
    for row in connection.execute(statement, [_row(arrival, now) for arrival in fresh]):
        found[row.sha256] = (int(row.id), True)
    _add_words(connection, {found[each.sha256][0]: each.text.clean() for each in fresh})
    add_to(connection, counters, [{"name": "review.new", "n": len(fresh)}])
    day = periods.day_in(key_values.zone_of(connection))(now)
    add_to(connection, daily, reader.rows({(day, "all", "", "upload"): len(fresh)}))
    return found


def _row(arrival: NewAsset, now: datetime) -> dict[str, Any]:
    name = safe_name(arrival.name)
    return {
        "sha256": arrival.sha256,
        "name": name,
        "folded_name": fold(name),
        "format": arrival.picture.format,
        "width": arrival.picture.width,
        "height": arrival.picture.height,
        "bytes": arrival.size,
        "frames": arrival.picture.frames,
        "taken_at": arrival.picture.taken_at,
        "created_at": now,
        "sample": int(arrival.sha256[:15], 16),
        **arrival.text.clean().as_dict(),
    }


def get(connection: Connection, asset_id: int, lock: bool = False) -> Asset:
    """Return an asset by id.

    Args:
        connection: A read transaction; a write transaction to lock the row.
        asset_id: Id of the asset.
        lock: Lock the row until the transaction ends (`SELECT ... FOR NO KEY UPDATE`; no effect on SQLite).

    Returns:
        The asset.

    Raises:
        NotFoundError: There is no such asset.
    """
    query = select(assets).where(assets.c.id == asset_id)
    row = connection.execute(query.with_for_update(key_share=True) if lock else query).first()
    if row is None:
        raise NotFoundError(f"There is no picture {asset_id}.")
    return to_asset(row)


def resolve(connection: Connection, name: str) -> Asset:
    """Find an asset by id or by the beginning of its SHA-256.

    Args:
        connection: A read transaction.
        name: An id, or 8 or more leading hexadecimal digits of the SHA-256, in either case.

    Returns:
        The asset; the one with this id if `name` fits both.

    Raises:
        NotFoundError: No asset matches, or several do.
    """
    is_id = name.isascii() and name.isdecimal() and len(name) <= _ID_DIGITS
    query = select(assets).limit(2)
    rows = connection.execute(query.where(assets.c.id == int(name))).all() if is_id else []
    if not rows and len(name) >= 8:
        rows = connection.execute(query.where(assets.c.sha256.startswith(name.lower(), autoescape=True))).all()
    elif is_id and not rows:
        return get(connection, int(name))  # raises
    if len(rows) != 1:
        raise NotFoundError(
            f"{name!r} does not identify a picture: give an id, or 8 or more digits of its SHA-256."
        )
    return to_asset(rows[0])


def get_many(connection: Connection, asset_ids: Sequence[int]) -> list[Asset]:
    """Return several assets by id.

    Args:
        connection: A read transaction.
        asset_ids: Ids in any order.

    Returns:
        The assets in the order of `asset_ids`; unknown ids are skipped.
    """
    rows = connection.execute(select(assets).where(assets.c.id.in_(asset_ids)))
    found = {row.id: to_asset(row) for row in rows}
    return [found[asset_id] for asset_id in asset_ids if asset_id in found]


def set_text(connection: Connection, asset_id: int, text: AssetText) -> AssetText:
    """Replace an asset's text, update the word index, and return the text as stored."""
    text = text.clean()
    connection.execute(update(assets).where(assets.c.id == asset_id).values(text.as_dict()))
    index_words(connection, {asset_id: text})
    return text


def index_words(connection: Connection, texts: dict[int, AssetText]) -> None:
    """Replace the entries of assets in the word index."""
    connection.execute(delete(asset_words).where(asset_words.c.asset_id.in_(texts)))
    _add_words(connection, texts)


def _add_words(connection: Connection, texts: dict[int, AssetText]) -> None:
    words = {a: dict.fromkeys(words_of(" ".join((t.title, t.caption, t.body)))) for a, t in texts.items()}
    rows = [{"word": w, "asset_id": a} for a, found in words.items() for w in list(found)[:_WORDS_MAX]]
    upsert(connection, asset_words, rows)


def search_text(connection: Connection, query: str, limit: int = 60) -> list[Asset]:
    """Return assets whose text has every word of the query, latest first; words match by prefix."""
    typed = list(dict.fromkeys(words_of(query)))
    if not typed:
        return []
    statement = select(assets).order_by(assets.c.id.desc()).limit(limit)
    return [to_asset(row) for row in connection.execute(_matching_all(statement, typed))]


def with_words(connection: Connection, query: str, asset_ids: Sequence[int]) -> list[int]:
    """Filter assets to those whose text has every word of the query; empty if the query has no words."""
    typed = list(dict.fromkeys(words_of(query)))
    if not typed:
        return []
    statement = select(assets.c.id).where(assets.c.id.in_(asset_ids))
    return list(connection.execute(_matching_all(statement, typed)).scalars())


def find(connection: Connection, query: str, limit: int = 60) -> list[Asset]:
    """Return assets that match by text, then those that match by file name, each latest first.

    An empty query returns the latest assets.
    """
    statement = select(assets).order_by(assets.c.id.desc()).limit(limit)
    if typed := query.strip():
        in_name = assets.c.folded_name.contains(fold(typed), autoescape=True)
        named = [to_asset(row) for row in connection.execute(statement.where(in_name))]
        return list({asset.id: asset for asset in [*search_text(connection, typed, limit), *named]}.values())[
            :limit
        ]
    return [to_asset(row) for row in connection.execute(statement)]


def words_of(text: str) -> Iterable[str]:
    """Split a text into search terms: folded alphanumeric words and bigrams of Chinese characters."""
    for run in re.findall(r"[一-鿿]+|[^\W_一-鿿]+", fold(text)):
        if "一" <= run[0] <= "鿿":
            yield from ([run[i : i + 2] for i in range(len(run) - 1)] or [run])
        else:
            yield run[:64]


def to_asset(row: Row[Any]) -> Asset:
    """Build an asset from its row."""
    values = {name: getattr(row, name) for name in Asset.__dataclass_fields__ if name != "text"}
    return Asset(**values, text=AssetText(row.title, row.caption, row.body))


def _matching_all(statement: Select[Any], words: Iterable[str]) -> Select[Any]:
    for word in words:
        prefix = asset_words.c.word.between(word, word + "\U0010ffff")
        statement = statement.where(assets.c.id.in_(select(asset_words.c.asset_id).where(prefix)))
    return statement


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable() or c == "\n").strip()
