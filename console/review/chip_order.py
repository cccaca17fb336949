"""The order of a picture's chips: by category at first sight, then stable, so that keys keep their tag."""

from __future__ import annotations

from tagging_core.review import Card
from tagging_core.taxonomy import Taxonomy

_MAX_CHIPS = 12  # chips of one picture
_MAX_PICTURES = 50  # whose order is remembered

Orders = dict[int, dict[str, float]]
"""Probabilities by tag id, in the order of the chips, by picture."""


def chips_of(card: Card, orders: Orders, taxonomy: Taxonomy) -> dict[str, float]:
    """Return a picture's chips and remember their order.

    Args:
        card: With the suggestions at the library's latest revision.
        orders: Chips shown so far; updated, and the pictures shown longest ago are forgotten.
        taxonomy: Gives the categories.

    Returns:
        Probabilities by tag id: tags shown before in their old order, then new ones.
    """
    fresh = {s.tag_id: s.probability for s in card.suggestions}
    known = orders.pop(card.asset.id, {})
    tags = {tag_id: fresh.get(tag_id, p) for tag_id, p in known.items() if tag_id in taxonomy.tags}
    tags |= {tag_id: fresh[tag_id] for tag_id in _by_category(fresh, taxonomy)}
    spare = [tag_id for tag_id in tags if tag_id not in fresh and tag_id not in card.decided]
    for tag_id in spare[len(spare) - max(0, len(tags) - _MAX_CHIPS) :]:
        del tags[tag_id]
    orders[card.asset.id] = tags
    for asset_id in list(orders)[: max(0, len(orders) - _MAX_PICTURES)]:
        del orders[asset_id]
    return tags


def _by_category(fresh: dict[str, float], taxonomy: Taxonomy) -> list[str]:
    """Suggestions with those of the same category together, the category of the likeliest first."""
    groups: dict[str, list[str]] = {}
    for tag_id in fresh:
        groups.setdefault(taxonomy.tags[tag_id].category_id, []).append(tag_id)
    return [tag_id for group in groups.values() for tag_id in group]
