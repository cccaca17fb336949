"""Writing a plan as one act in one transaction, with everything that follows, and taking an act back."""

from __future__ import annotations

import uuid
from dataclasses import replace

from sqlalchemy import Connection, delete, exists, func, select, update

from tagging_core import ledger
from tagging_core.common.users import User
from tagging_core.curation import validation
from tagging_core.curation.plans import Plan, restore
from tagging_core.errors import DecisionError, TagError
from tagging_core.ledger import projection, taxonomy_store
from tagging_core.ledger.taxonomy_history import Change, act_changes, latest_events
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.review import decision_groups
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import backfills, learned, rechecks, suggestions
from tagging_core.storage.schema import events as event_table
from tagging_core.storage.schema import tags as tag_table
from tagging_core.taxonomy.model import Category, Tag, Taxonomy


def check_plan(taxonomy: Taxonomy, plan: Plan) -> Taxonomy:
    """The taxonomy as it would be.

    Raises:
        TagError: It would be one in which tags cannot be used or told apart.
    """
    after = plan.after(taxonomy)
    changed = {tag.id for tag in plan.tags if taxonomy.tags.get(tag.id) != tag}
    validation.check(after, changed, [c for c in plan.categories if c.state == "active"])
    return after


def apply(
    connection: Connection, user: User, plan: Plan, taxonomy: Taxonomy, shares: SamplingRates, act: str = ""
) -> str:
    """Write a plan.

    Args:
        taxonomy: As it stands in this transaction.
        act: The act's id; a new one if empty.

    Returns:
        The act's id, which `undo` takes back.

    Raises:
        TagError: See `check_plan`, or the plan changes nothing, or a tag was changed since it was made.
        TaggingError: A decision of the plan is refused; the transaction must be given up then.
    """
    act = act or uuid.uuid4().hex
    items = [item for item in plan.items if standing(taxonomy, item) != item]
    if not items and not plan.decisions:
        raise TagError("That changes nothing: it is what the library says already.")
    _refuse_stale(connection, plan, items)
    newest = int(connection.execute(select(func.max(event_table.c.id))).scalar() or 0)
    # What is said of the target from here on outweighs what was said of either.
    items = [_dated(item, newest) for item in items]
    after = check_plan(taxonomy, replace(plan, items=tuple(items)))
    taxonomy_store.write(connection, user, items, act)
    after = replace(after, revision=taxonomy_store.revision(connection))
    _follow(connection, taxonomy, after, items)
    if plan.decisions:
        decision_groups.decide_many(connection, user, plan.decisions, after, shares, act)
    return act


def undo(connection: Connection, user: User, act: str, taxonomy: Taxonomy, shares: SamplingRates) -> str:
    """Take an act back: every item is again what it was before, every decision of the act is undone.

    Returns:
        The id of the act that did so, which can itself be taken back.

    Raises:
        DecisionError: There is no such act, or something it changed was changed again since.
    """
    changes = act_changes(connection, act)
    rows = connection.execute(
        select(event_table).where(event_table.c.act == act, event_table.c.asset_id.is_not(None))
    ).all()
    if not changes and not rows:
        raise DecisionError("There is no such change of the tag library.")
    _refuse_newer(connection, changes, act)
    undoing = uuid.uuid4().hex
    try:
        decision_groups.undo_events(connection, user, [ledger.to_event(row) for row in rows], taxonomy, undoing)
    except DecisionError:  # none was made, or each was taken back by itself
        if not changes:
            raise
    plan = restore(changes, "before")
    if any(standing(taxonomy, item) != item for item in plan.items):
        apply(connection, user, plan, taxonomy, shares, undoing)
    return undoing


def _refuse_stale(connection: Connection, plan: Plan, items: list[Item]) -> None:
    ids = [item.id for item in items if isinstance(item, Tag)]
    for start in range(0, len(ids) if plan.revision else 0, 500):
        query = select(tag_table.c.names, tag_table.c.changed_by, tag_table.c.changed_at).where(
            tag_table.c.id.in_(ids[start : start + 500]), tag_table.c.revision > plan.revision
        )
        if row := connection.execute(query).first():
            when = f"{row.changed_at:%H:%M}"
            raise TagError(
                f"{row.names.get('en')!r} was changed by {row.changed_by} at {when} (UTC), after this was made. "
                "Look at it again, then repeat what you wanted; nothing was written."
            )


def _refuse_newer(connection: Connection, changes: list[Change], act: str) -> None:
    for change, event in zip(changes, latest_events(connection, changes), strict=True):
        if event.act != act:
            when = f"{event.at:%d %b %Y %H:%M}"
            raise DecisionError(
                f"{change.after.name()!r} was changed again by {event.actor} on {when} (UTC). Take that back first."
            )


def _follow(connection: Connection, before: Taxonomy, after: Taxonomy, items: list[Item]) -> None:
    """What follows from changed items: decisions go where tags went, classifiers are fitted again or dropped."""
    changed = projection.refold(connection, before.redirects, after.redirects)
    changed_tags = [item for item in items if isinstance(item, Tag)]
    lost = [tag.id for tag in changed_tags if tag.state in ("merged", "deleted")]
    for tag in changed_tags:
        if tag.state == "merged":
            _move_suggestions(connection, tag.id, after.tag(tag.id).id)
    for start in range(0, len(lost), 500):
        part = lost[start : start + 500]
        for table in (learned, suggestions, backfills, rechecks):
            connection.execute(delete(table).where(table.c.tag_id.in_(part)))
    projection.mark_dirty(connection, _taught(connection, before, after, items, changed))


def _move_suggestions(connection: Connection, source: str, target: str) -> None:
    mine, other = suggestions, suggestions.alias()
    both = exists().where(
        other.c.asset_id == mine.c.asset_id, other.c.profile == mine.c.profile, other.c.tag_id == target
    )
    connection.execute(update(mine).where(mine.c.tag_id == source, ~both).values(tag_id=target))


def _taught(
    connection: Connection, before: Taxonomy, after: Taxonomy, items: list[Item], changed: set[str]
) -> set[str]:
    """The tags that must be fitted again: what they are, or what they are told apart from, is different."""
    mine = [item for item in items if isinstance(item, Tag)]
    found = {tag.id for tag in mine} | changed
    categories = {tag.category_id for tag_id in changed if (tag := after.tags.get(tag_id))}
    counts = taxonomy_store.counts(connection, [tag.id for tag in mine])
    for tag in mine:
        old = before.tags.get(tag.id)
        same_place = old and (old.state, old.category_id) == (tag.state, tag.category_id)
        if not same_place and (counts.get(tag.id, (0, 0))[0] or tag.id in changed):
            categories |= {tag.category_id, *([old.category_id] if old else [])}
    exclusive = {c.id for t in (before, after) for c in t.categories.values() if c.exclusive}
    categories &= exclusive
    for item in items:
        if isinstance(item, Category):
            categories.add(item.id)
        elif not isinstance(item, Tag):
            was = before.profiles.get(item.id)
            categories |= set(item.categories) ^ set(was.categories if was else [])
            if was is None or was.templates != item.templates:
                categories |= set(item.categories)
    return found | {tag.id for tag in after.unmerged() if tag.category_id in categories}


def _dated(item: Item, newest: int) -> Item:
    if isinstance(item, Tag) and item.merged_into and item.merged_after is None:
        return replace(item, merged_after=newest)
    return item


def standing(taxonomy: Taxonomy, item: Item) -> Item | None:
    """An item as it stands; a deleted one, which the taxonomy leaves out, counts as it is."""
    if isinstance(item, Tag):
        return item if item.state == "deleted" and item.id not in taxonomy.tags else taxonomy.tags.get(item.id)
    if isinstance(item, Category):
        gone = item.state == "deleted" and item.id not in taxonomy.categories
        return item if gone else taxonomy.categories.get(item.id)
    return taxonomy.profiles.get(item.id)
