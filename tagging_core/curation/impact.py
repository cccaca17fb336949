"""Impact of a plan on pictures, suggestions, exports and connected CMSs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tagging_core.curation.apply import check_plan, stored_version
from tagging_core.curation.plans import Plan
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.taxonomy_history import Change
from tagging_core.storage.schema import suggestions
from tagging_core.taxonomy.model import Tag, Taxonomy

_MANY = 10_000  # cap on counting suggestions


@dataclass(frozen=True, slots=True)
class Impact:
    """What a plan would change.

    Attributes:
        changes: One change per item.
        pictures: Number of pictures that would gain, lose or swap a tag.
        decisions: Number of decisions that would count for another tag, or no longer count.
        suggestions: Number of suggestions that would move or disappear; counting stops at 10,000.
        moved: Redirect target by tag id that a CMS may hold; None if the tag would be deleted.
        renamed: Old and new English name by id of tags that keep their id.
    """

    changes: list[Change]
    pictures: int
    decisions: int
    suggestions: int
    moved: dict[str, str | None]
    renamed: dict[str, tuple[str, str]]

    def sentences(self) -> list[str]:
        """Describe the impact for people.

        Returns:
            One sentence per kind of change, at most five redirects and five renames among them; a single sentence
            if no picture, suggestion or export changes.
        """
        found = []
        if self.pictures:
            found.append(
                f"{_count(self.pictures, 'picture')} will show other tags, here and in exports made from now on."
            )
        if self.decisions:
            found.append(
                f"{_count(self.decisions, 'decision')} will count for another tag or none, until this is undone."
            )
        if self.suggestions:
            more = "More than " if self.suggestions >= _MANY else ""
            found.append(f"{more}{_count(self.suggestions, 'suggestion')} to reviewers will change.")
        for source, target in list(self.moved.items())[:5]:
            answer = f"gets {target!r}" if target else "gets an error: there is no such tag"
            found.append(f"A CMS that asks for {source!r} {answer}.")
        if len(self.moved) > 5:
            found.append(f"{len(self.moved) - 5} more ids change in the same way.")
        for tag_id, (before, now) in list(self.renamed.items())[:5]:
            found.append(f"A CMS that knows {tag_id!r} will read {now!r} instead of {before!r}; the id stays.")
        return found or ["No picture, suggestion or export will change."]


def impact_of(connection: Connection, taxonomy: Taxonomy, plan: Plan) -> Impact:
    """Return the impact of a plan without applying it.

    Raises:
        TagError: The plan is invalid.
    """
    after = check_plan(taxonomy, plan)
    changes = [
        Change(old, item)
        for item in plan.items
        if (old := stored_version(taxonomy, item)) != item and not (old is None and _deleted(item))
    ]
    changed = [c for c in changes if isinstance(c.after, Tag)]
    moved = {
        tag_id: after.redirects.resolve(tag_id)
        for tag_id in after.redirects.moved(taxonomy.redirects)
        if taxonomy.redirects.resolve(tag_id) == tag_id
    }
    counts = taxonomy_store.counts(connection, list(moved))
    unsuggested = [c.after.id for c in changed if c.before and _suggested(c.before) and not _suggested(c.after)]
    return Impact(
        changes=changes,
        pictures=sum(accepted for accepted, _ in counts.values()) + len(plan.decisions),
        decisions=sum(accepted + rejected for accepted, rejected in counts.values()),
        suggestions=_suggestions(connection, taxonomy, unsuggested),
        moved=moved,
        renamed={
            c.after.id: (c.before.name(), c.after.name())
            for c in changed
            if c.before and c.before.name() != c.after.name() and c.after.id not in moved
        },
    )


def _deleted(item: object) -> bool:
    return getattr(item, "state", "active") == "deleted"


def _suggested(item: object) -> bool:
    return isinstance(item, Tag) and item.state == "active"


def _suggestions(connection: Connection, taxonomy: Taxonomy, tag_ids: list[str]) -> int:
    if not tag_ids:
        return 0
    query = select(suggestions.c.asset_id).where(
        suggestions.c.profile.in_(list(taxonomy.profiles)), suggestions.c.tag_id.in_(tag_ids[:500])
    )
    return int(connection.execute(select(func.count()).select_from(query.limit(_MANY).subquery())).scalar_one())


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
