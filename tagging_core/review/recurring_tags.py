"""Tags that the house used lately, and sets of tags that recur on its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from sqlalchemy import Connection, func, select

from tagging_core.ledger.events import Kind
from tagging_core.storage.schema import events

_EVENTS = 400  # the latest decisions, whoever made them
_PICTURES = 60  # whose tags are compared pair by pair
_FEW = 3  # pictures on which a set must occur


def lately(connection: Connection) -> dict[int, list[str]]:
    """Return the tags accepted in the latest decisions by asset id, the asset of the latest decision first."""
    given = select(events.c.asset_id, func.coalesce(events.c.other_tag_id, events.c.tag_id))
    query = given.where(events.c.kind.in_({Kind.ACCEPT, Kind.ADD, Kind.REPLACE})).order_by(events.c.id.desc())
    found: dict[int, list[str]] = {}
    for asset_id, tag_id in connection.execute(query.limit(_EVENTS)):
        found.setdefault(asset_id, []).append(tag_id)
    return found


def sets(given: Sequence[Sequence[str]], limit: int) -> list[tuple[str, ...]]:
    """Return sets of two tags or more that pictures share.

    Args:
        given: The tags of each picture, the latest first.
        limit: Maximum number of sets.

    Returns:
        The tags of each set in the order of `given`; those with the most tags on the most pictures
        first, of which none contains another.
    """
    pictures = [frozenset(tags) for tags in given[:_PICTURES]]
    shared = {a & b for a, b in combinations(pictures, 2) if len(a & b) > 1}
    support = Counter({tags: sum(tags <= picture for picture in pictures) for tags in shared})
    ranked = sorted(shared, key=lambda tags: (-support[tags] * (len(tags) - 1), sorted(tags)))
    found: list[frozenset[str]] = []
    for tags in ranked:
        if support[tags] >= _FEW and not any(tags <= other or other <= tags for other in found):
            found.append(tags)
    order = {tag_id: n for n, tag_id in enumerate(dict.fromkeys(t for tags in given for t in tags))}
    return [tuple(sorted(tags, key=order.__getitem__)) for tags in found[:limit]]
