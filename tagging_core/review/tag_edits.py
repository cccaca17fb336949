"""Tag edits: tags added to a selection of pictures and removed from it, whatever was decided before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tagging_core.errors import DecisionError
from tagging_core.ledger.events import Kind, Label
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Decision
from tagging_core.taxonomy.model import Tag, Taxonomy

Labels = Mapping[int, Mapping[str, Label]]
"""Labels by asset id and tag id."""


@dataclass(frozen=True, slots=True)
class TagEdit:
    """Result of editing the tags of a selection.

    Attributes:
        group: What was written, for `undo_group`; None if nothing had to change.
        pictures: Number of pictures that changed.
        held: By asset id, who has a picture open; these were left as they are.
    """

    group: DecisionGroup | None
    pictures: int
    held: dict[int, str]


def count(labels: Labels) -> dict[str, int]:
    """Return on how many of the pictures each tag was accepted, most first."""
    found = Counter(tag_id for given in labels.values() for tag_id, label in given.items() if label.value)
    return dict(found.most_common())


def check(taxonomy: Taxonomy, asset_ids: Collection[int], *, add: Sequence[str], remove: Sequence[str]) -> None:
    """Refuse what cannot be done to a selection.

    Raises:
        NotFoundError: A tag does not exist.
        DecisionError: Tags to add exclude each other or are sensitive, or a tag is to be added and removed.
    """
    added = [taxonomy.tag(tag_id) for tag_id in add]
    for tag in added:
        if tag.id in {taxonomy.tag(other).id for other in remove}:
            raise DecisionError(f"{tag.name()!r} cannot be added and removed at once.")
        if tag.sensitive and len(asset_ids) > 1:
            raise DecisionError(f"{tag.name()!r} is sensitive: add it to one picture at a time, in Focus.")
        for rival in taxonomy.siblings(tag):
            if rival in added:
                raise DecisionError(f"{tag.name()!r} and {rival.name()!r} exclude each other: add one of them.")


def decisions(
    taxonomy: Taxonomy,
    labels: Labels,
    *,
    asset_ids: Iterable[int],
    add: Sequence[str],
    remove: Sequence[str],
    profile: str,
) -> list[Decision]:
    """Return the decisions that an edit takes; none where a picture is already as wanted."""
    added = [taxonomy.tag(tag_id) for tag_id in add]
    removed = [taxonomy.tag(tag_id).id for tag_id in remove]
    found = []
    for asset_id in asset_ids:
        accepted = {tag_id for tag_id, label in labels.get(asset_id, {}).items() if label.value}
        found += [Decision(Kind.REJECT, asset_id, t, profile=profile) for t in removed if t in accepted]
        for tag in added:
            if tag.id not in accepted:
                found += _adding(taxonomy, tag, asset_id, accepted=accepted.difference(removed), profile=profile)
    return found


def _adding(
    taxonomy: Taxonomy, tag: Tag, asset_id: int, *, accepted: Collection[str], profile: str
) -> Iterator[Decision]:
    """Add a tag to a picture; accepted tags that it excludes are rejected."""
    rivals = [rival.id for rival in taxonomy.siblings(tag) if rival.id in accepted]
    for rival in rivals[1:]:
        yield Decision(Kind.REJECT, asset_id, rival, profile=profile)
    if rivals:
        yield Decision(Kind.REPLACE, asset_id, rivals[0], tag.id, profile=profile)
    else:
        yield Decision(Kind.ADD, asset_id, tag.id, profile=profile)
