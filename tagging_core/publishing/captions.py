"""Storage of captions: what people wrote, with generated text for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, select

from tagging_core import ledger
from tagging_core.assets import repository as asset_module
from tagging_core.assets.repository import Asset
from tagging_core.common.users import Action, User, require
from tagging_core.ledger import label_queries, projection
from tagging_core.ledger.events import Event, Kind
from tagging_core.publishing.caption_templates import Description, phrase
from tagging_core.review import leases
from tagging_core.storage import upsert
from tagging_core.storage.schema import descriptions, events
from tagging_core.taxonomy.model import Tag, Taxonomy

_PARTS = ("title", "caption", "alt")
_MAX_LENGTHS = {"title": 200, "caption": 2_000, "alt": 500}


@dataclass(frozen=True, slots=True)
class Captions:
    """A picture's description, and the names of the parts a person wrote."""

    description: Description
    written: tuple[str, ...]


def describe(
    connection: Connection, taxonomy: Taxonomy, pictures: Sequence[Asset], *, language: str = "en"
) -> dict[int, Captions]:
    """Return descriptions by asset id: what people wrote, and text generated from accepted tags.

    Raises:
        SearchError: The language is not supported.
    """
    ids = [asset.id for asset in pictures]
    tags = accepted(connection, taxonomy, ids)
    mine = descriptions.c.asset_id.in_(ids), descriptions.c.language == language
    rows = {row.asset_id: row._mapping for row in connection.execute(select(descriptions).where(*mine))}
    found = {}
    for asset in pictures:
        written = {part: rows[asset.id][part] for part in _PARTS if asset.id in rows and rows[asset.id][part]}
        words = phrase(tags.get(asset.id, []), language, asset.text)
        found[asset.id] = Captions(replace(words, **written), tuple(written))
    return found


def write(connection: Connection, user: User, asset_id: int, *, wanted: Description, taxonomy: Taxonomy) -> None:
    """Store what a person wrote; parts that are empty or equal to the generated text stay generated.

    Raises:
        NotAllowedError: The user may not review.
        NotFoundError: The picture does not exist.
        SearchError: The language is not supported.
        LeasedError: Another user has leased the picture.
    """
    require(user, Action.REVIEW)
    leases.require_free(connection, user, asset_id)
    asset = asset_module.get(connection, asset_id)
    before = describe(connection, taxonomy, [asset], language=wanted.language)[asset_id]
    tags = accepted(connection, taxonomy, [asset_id])
    generated = phrase(tags.get(asset_id, []), wanted.language, asset.text)
    texts = {p: " ".join(getattr(wanted, p).split())[: _MAX_LENGTHS[p]] for p in _PARTS}
    own = {p: "" if text == getattr(generated, p) else text for p, text in texts.items()}
    if own == {p: getattr(before.description, p) if p in before.written else "" for p in _PARTS}:
        return
    payload = own | {"language": wanted.language}
    event = Event(Kind.DESCRIBE, user.name, asset_id=asset_id, payload=payload)
    _store(connection, projection.record(connection, event, taxonomy), asset_id, payload=payload)


def replay(connection: Connection) -> None:
    """Rebuild the table from the ledger."""
    connection.execute(delete(descriptions))
    query = select(events).where(events.c.kind == Kind.DESCRIBE).order_by(events.c.id)
    for row in connection.execute(query).all():
        event = ledger.to_event(row)
        _store(connection, event.id, event.asset_id or 0, payload=event.payload or {})


def accepted(connection: Connection, taxonomy: Taxonomy, asset_ids: Sequence[int]) -> dict[int, list[Tag]]:
    """Return accepted tags by asset id; assets without decisions are absent."""
    found = label_queries.labels_of(connection, asset_ids)
    return {
        asset_id: [taxonomy.tags[t] for t, label in labels.items() if label.value and t in taxonomy.tags]
        for asset_id, labels in found.items()
    }


def _store(connection: Connection, event_id: int, asset_id: int, *, payload: dict[str, str]) -> None:
    upsert(connection, descriptions, [{"asset_id": asset_id, "event_id": event_id, **payload}])
