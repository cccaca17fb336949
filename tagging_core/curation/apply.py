"""Apply a plan and all its consequences in one transaction, and undo an applied change."""

from __future__ import annotations

import uuid
from dataclasses import replace

from sqlalchemy import Connection, delete, exists, func, select, update

from tagging_core import ledger
from tagging_core.common.users import User
from tagging_core.curation import validation
from tagging_core.curation.plans import Plan, restore
from tagging_core.errors import DecisionError, TagError
from tagging_core.ledger import dirty_tags, projection, taxonomy_store
from tagging_core.ledger.taxonomy_history import Change, act_changes, latest_events
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.review import decision_groups
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import backfills, learned, rechecks, suggestions
from tagging_core.storage.schema import events as event_table
from tagging_core.storage.schema import tags as tag_table
from tagging_core.taxonomy.model import Category, Tag, Taxonomy


def check_plan(taxonomy: Taxonomy, plan: Plan) -> Taxonomy:
    """Return the taxonomy with the plan applied.

    Raises:
        TagError: The result would be invalid; see `validation.check`.
    """
    after = plan.after(taxonomy)
    changed = {tag.id for tag in plan.tags if taxonomy.tags.get(tag.id) != tag}
    validation.check(after, changed, [c for c in plan.categories if c.state == "active"])
    return after


def apply(
    connection: Connection,
    user: User,
    plan: Plan,
    *,
    taxonomy: Taxonomy,
    shares: SamplingRates,
    change_id: str = "",
) -> str:
    """Apply a plan.

    Args:
        taxonomy: The taxonomy as read in this transaction.
        change_id: Id of the change; generated if empty.

    Returns:
        The id of the change, for `undo`.

    Raises:
        TagError: The plan is invalid or changes nothing, or one of its tags has changed since it was made.
        TaggingError: A decision of the plan was refused; the caller must roll back.
    """
    change_id = change_id or uuid.uuid4().hex
    items = [item for item in plan.items if stored_version(taxonomy, item) != item]
    if not items and not plan.decisions:
        raise TagError("This changes nothing: the tag library already has these values.")
    _refuse_stale(connection, plan, items)
    newest = int(connection.execute(select(func.max(event_table.c.id))).scalar() or 0)
    # Decisions on the target after the merge override earlier ones on either tag.
    items = [_with_merge_event(item, newest) for item in items]
    after = check_plan(taxonomy, replace(plan, items=tuple(items)))
    taxonomy_store.write(connection, user, items, change_id=change_id)
    after = replace(after, revision=taxonomy_store.revision(connection))
    _apply_consequences(connection, taxonomy, after, items=items)
    if plan.decisions:
        decision_groups.decide_many(
            connection, user, plan.decisions, taxonomy=after, rates=shares, group_id=change_id
        )
    return change_id


def undo(connection: Connection, user: User, change_id: str, *, taxonomy: Taxonomy, shares: SamplingRates) -> str:
    """Undo a change: restore the items it changed and undo its decisions.

    Returns:
        The id of the undoing change, which can itself be undone.

    Raises:
        DecisionError: There is no such change, or an item it changed has changed again since.
        TagError: A restored item would be invalid now, for example because its name has been taken.
    """
    changes = act_changes(connection, change_id)
    rows = connection.execute(
        select(event_table).where(event_table.c.group_id == change_id, event_table.c.asset_id.is_not(None))
    ).all()
    if not changes and not rows:
        raise DecisionError("There is no such change of the tag library.")
    _refuse_newer(connection, changes, change_id)
    undo_id = uuid.uuid4().hex
    try:
        decision_groups.undo_events(
            connection, user, [ledger.to_event(row) for row in rows], taxonomy=taxonomy, group_id=undo_id
        )
    except DecisionError:  # no decisions, or all were undone one by one
        if not changes:
            raise
    plan = restore(changes, "before")
    if any(stored_version(taxonomy, item) != item for item in plan.items):
        apply(connection, user, plan, taxonomy=taxonomy, shares=shares, change_id=undo_id)
    return undo_id


def _refuse_stale(connection: Connection, plan: Plan, items: list[Item]) -> None:
    ids = [item.id for item in items if isinstance(item, Tag)]
    for start in range(0, len(ids) if plan.revision else 0, 500):
        query = select(tag_table.c.names, tag_table.c.changed_by, tag_table.c.changed_at).where(
            tag_table.c.id.in_(ids[start : start + 500]), tag_table.c.revision > plan.revision
        )
        if row := connection.execute(query).first():
            when = f"{row.changed_at:%H:%M}"
            raise TagError(
                f"{row.names.get('en')!r} was changed by {row.changed_by} at {when} (UTC), after this change was "
                "prepared. Nothing was written; review the tag and repeat your change."
            )


def _refuse_newer(connection: Connection, changes: list[Change], change_id: str) -> None:
    for change, event in zip(changes, latest_events(connection, changes), strict=True):
        if event.group_id != change_id:
            when = f"{event.at:%d %b %Y %H:%M}"
            raise DecisionError(
                f"{change.after.name()!r} was changed again by {event.actor} on {when} (UTC). Undo that first."
            )


def _apply_consequences(connection: Connection, before: Taxonomy, after: Taxonomy, *, items: list[Item]) -> None:
    """Move decisions and suggestions to merge targets, drop those of removed tags, and mark tags for refitting."""
    changed = projection.refold(connection, before.redirects, after.redirects)
    changed_tags = [item for item in items if isinstance(item, Tag)]
    removed = [tag.id for tag in changed_tags if tag.state in ("merged", "deleted")]
    for tag in changed_tags:
        if tag.state == "merged":
            _move_suggestions(connection, tag.id, after.tag(tag.id).id)
    for start in range(0, len(removed), 500):
        part = removed[start : start + 500]
        for table in (learned, suggestions, backfills, rechecks):
            connection.execute(delete(table).where(table.c.tag_id.in_(part)))
    dirty_tags.mark_dirty(connection, _tags_to_refit(connection, before, after, items=items, changed=changed))


def _move_suggestions(connection: Connection, source: str, target: str) -> None:
    moved, other = suggestions, suggestions.alias()
    both = exists().where(
        other.c.asset_id == moved.c.asset_id, other.c.profile == moved.c.profile, other.c.tag_id == target
    )
    connection.execute(update(moved).where(moved.c.tag_id == source, ~both).values(tag_id=target))


def _tags_to_refit(
    connection: Connection, before: Taxonomy, after: Taxonomy, *, items: list[Item], changed: set[str]
) -> set[str]:
    """Return the tags to refit: those that changed, and those of categories or profiles whose examples changed."""
    tags = [item for item in items if isinstance(item, Tag)]
    found = {tag.id for tag in tags} | changed
    categories = {tag.category_id for tag_id in changed if (tag := after.tags.get(tag_id))}
    counts = taxonomy_store.counts(connection, [tag.id for tag in tags])
    for tag in tags:
        old = before.tags.get(tag.id)
        came_or_went = tag.state == "deleted" or tag.id in before.redirects.gone
        moved = old is not None and old.category_id != tag.category_id
        decided = tag.id in changed or counts.get(tag.id, (0, 0))[0]
        if came_or_went or moved or (decided and (old is None or old.state != tag.state)):
            categories |= {tag.category_id, *([old.category_id] if old else [])}
    for item in items:
        if isinstance(item, Category):
            categories.add(item.id)
        elif not isinstance(item, Tag):
            old_profile = before.profiles.get(item.id)
            categories |= set(item.categories) ^ set(old_profile.categories if old_profile else [])
            if old_profile is None or old_profile.templates != item.templates:
                categories |= set(item.categories)
    return found | {tag.id for tag in after.unmerged() if tag.category_id in categories}


def _with_merge_event(item: Item, newest: int) -> Item:
    if isinstance(item, Tag) and item.merged_into and item.merged_after is None:
        return replace(item, merged_after=newest)
    return item


def stored_version(taxonomy: Taxonomy, item: Item) -> Item | None:
    """Return the stored version of an item, or None; an already deleted item is returned unchanged."""
    if isinstance(item, Tag):
        return item if item.state == "deleted" and item.id not in taxonomy.tags else taxonomy.tags.get(item.id)
    if isinstance(item, Category):
        deleted = item.state == "deleted" and item.id not in taxonomy.categories
        return item if deleted else taxonomy.categories.get(item.id)
    return taxonomy.profiles.get(item.id)
