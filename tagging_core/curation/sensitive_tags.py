"""Sensitive tags: the shipped set, and plans that switch it on and off."""

from __future__ import annotations

from dataclasses import replace

from tagging_core.curation import plans
from tagging_core.curation.plans import Plan
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.starter_file import STARTER, read_taxonomy

SHIPPED = STARTER.with_name("sensitive.yaml")

ORDINARY = 1008
FALSE_ALARMS = {
    "Nudity": 20.9,
    "Violence": 11.1,
    "Weapons": 6.8,
    "Identity papers": 2.1,
    "Minors": 17.3,
    "Other people's logos and watermarks": 66.4,
}
"""Percentage of ORDINARY everyday photos on which the built-in model suggests each shipped tag zero-shot;
measured by `benchmarks.compliance`."""


def is_on(taxonomy: Taxonomy) -> bool:
    """Whether the shipped sensitive tags are suggested."""
    shipped = read_taxonomy(SHIPPED)
    return any(tag.state == "active" for t in shipped.tags if (tag := taxonomy.tags.get(t)))


def switch_on(taxonomy: Taxonomy) -> Plan:
    """Activate the shipped sensitive tags in every profile, keeping edits that owners made to them."""
    shipped = read_taxonomy(SHIPPED)
    first_position = plans.next_position(taxonomy)
    items: list[Item] = []
    for category in shipped.categories.values():
        position = max([-1, *(c.position for c in taxonomy.categories.values())]) + 1
        items.append(taxonomy.categories.get(category.id, replace(category, position=position)))
        items += plans.in_play(taxonomy, category.id, set(taxonomy.profiles))
    for n, tag in enumerate(shipped.tags.values()):
        known = taxonomy.tags.get(tag.id, replace(tag, position=first_position + n))
        items.append(known if known.state == "merged" else replace(known, state="active"))
    return Plan("Switch the sensitive tags on", tuple(items), (), taxonomy.revision)


def switch_off(taxonomy: Taxonomy) -> Plan:
    """Deprecate the shipped sensitive tags; decisions on pictures are kept."""
    found = [tag for t in read_taxonomy(SHIPPED).tags if (tag := taxonomy.tags.get(t)) and tag.state == "active"]
    items = tuple(replace(tag, state="deprecated") for tag in found)
    return Plan("Switch the sensitive tags off", items, (), taxonomy.revision)
