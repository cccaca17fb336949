"""Late texts: a picture that is in the archive without a text arrives again with one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from tagging_core.assets import repository as asset_module
from tagging_core.assets.repository import NO_TEXT, AssetText
from tagging_core.embeddings import vectors
from tagging_core.learning.text_evidence import Passage
from tagging_core.ledger import projection
from tagging_core.ledger.events import Event, Kind
from tagging_core.taxonomy.model import Taxonomy

Arrival = tuple[int, AssetText, Passage | None]
"""Id of an asset, the text that came with it, clean, and the text's embedding if it has one."""


def without_text(connection: Connection, asset_ids: Collection[int]) -> set[int]:
    """Return the assets, among those given, that have no text."""
    found = asset_module.get_many(connection, list(asset_ids)) if asset_ids else []
    return {asset.id for asset in found if asset.text == NO_TEXT}


def keep(
    connection: Connection, taxonomy: Taxonomy, fingerprint: str, *, actor: str, arrivals: Iterable[Arrival]
) -> None:
    """Write the texts of those assets that have none, as events of the ledger.

    Args:
        fingerprint: The model that embedded the passages.
        actor: Who uploaded the pictures again.
        arrivals: All uploaded pictures; empty texts are ignored.
    """
    given = {asset_id: (text, passage) for asset_id, text, passage in arrivals if text != NO_TEXT}
    for asset_id in sorted(without_text(connection, given)):
        text, passage = given[asset_id]
        kept = asset_module.set_text(connection, asset_id, text)
        payload = {"before": NO_TEXT.as_dict(), "after": kept.as_dict()}
        projection.record(connection, Event(Kind.TEXT, actor, asset_id=asset_id, payload=payload), taxonomy)
        matrix = None if passage is None else passage.vector[None]
        vectors.replace_text(connection, fingerprint, asset_id, matrix=matrix)
