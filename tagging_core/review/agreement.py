"""How a reviewer's work compares with independent reviews of the same pictures, as a word at the end of a batch.

Independent reviews are second opinions and pictures whose answer is known. What is said is about all of them
together, from `FEW` cases on, so that nobody learns which pictures were a test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tagging_core.common.intervals import wilson
from tagging_core.common.users import User
from tagging_core.ledger import history
from tagging_core.ledger.events import Event, Kind, fold, to_event
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Taxonomy

FEW = 3
"""Cases from which anything is said."""

_MAX_HINTS = 3
_MAX_REVIEWS = 2000  # of the user, the latest; and as many independent ones of them


@dataclass(frozen=True, slots=True)
class Hint:
    """A difference that recurs.

    Attributes:
        kind: `confused`: `items` are the user's tag and the one that others give instead, of one category;
            `missed`: others give tags of this category where the user gives none; `extra`: only the user gives
            this tag.
        items: Ids of tags, or of the category.
        cases: Number of pictures.
    """

    kind: str
    items: tuple[str, ...]
    cases: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a user's tags compare with independent ones.

    Attributes:
        pictures: Number of pictures that were reviewed independently.
        share: Share of the tags given by either that both gave, in [0, 1].
        low: Lower bound of its 95 % Wilson interval.
        high: Upper bound.
        hints: At most three, the most frequent first.
    """

    pictures: int
    share: float
    low: float
    high: float
    hints: list[Hint]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The tags that a user and somebody independent gave a picture."""

    own: frozenset[str]
    other: frozenset[str]


def of(connection: Connection, user: User, taxonomy: Taxonomy) -> Agreement | None:
    """Return a user's agreement with independent reviews; None from fewer than `FEW` pictures or no tags."""
    return summarize(list(_comparisons(connection, user)), taxonomy)


def summarize(found: list[Comparison], taxonomy: Taxonomy) -> Agreement | None:
    """Summarize comparisons; None if there are too few."""
    agreed = sum(len(each.own & each.other) for each in found)
    given = sum(len(each.own | each.other) for each in found)
    if len(found) < FEW or not given:
        return None
    cases = Counter(case for each in found for case in _differences(each, taxonomy))
    hints = [Hint(kind, items, n) for (kind, items), n in cases.most_common() if n >= FEW]
    return Agreement(len(found), agreed / given, *wilson(agreed, given), hints[:_MAX_HINTS])


def _differences(each: Comparison, taxonomy: Taxonomy) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The differences of one picture; a pair of confused tags is not also counted as one missed and one extra."""
    category_of = {t: taxonomy.tags[t].category_id for t in each.own | each.other if t in taxonomy.tags}
    extra = {t for t in each.own - each.other if t in category_of}
    missed = {t for t in each.other - each.own if t in category_of}
    for category_id in sorted({category_of[t] for t in extra | missed}):
        mine = sorted(t for t in extra if category_of[t] == category_id)
        theirs = sorted(t for t in missed if category_of[t] == category_id)
        if mine and theirs:
            yield from (("confused", (a, b)) for a in mine for b in theirs)
        elif mine:
            yield from (("extra", (t,)) for t in mine)
        elif not any(category_of.get(t) == category_id for t in each.own):
            yield "missed", (category_id,)


def _comparisons(connection: Connection, user: User) -> Iterator[Comparison]:
    finishes = [event for event in _finishes(connection, user) if event.look]
    ids = list({event.asset_id for event in finishes if event.asset_id is not None})
    past = {asset_id: found[::-1] for asset_id, found in history.of_pictures(connection, ids).items()}
    for finish in finishes:
        before = [event for event, _ in past[finish.asset_id or 0] if event.id < finish.id]
        stands = any(event.id == finish.id and in_effect for event, in_effect in past[finish.asset_id or 0])
        first = next((e.actor for e in reversed(before) if e.kind == Kind.DONE and not e.look), "")
        if not stands or user.name not in (first, finish.actor) or first == finish.actor:
            continue
        state = fold(before)
        compared = {t for part in ("agreed", "differs") for t in (finish.payload or {}).get(part, ())}
        earlier, later = (
            frozenset(t for t, label in labels.items() if label.value and t in compared)
            for labels in (state.labels, state.looks.get(finish.actor, {}))
        )
        yield Comparison(later, earlier) if finish.actor == user.name else Comparison(earlier, later)


def _finishes(connection: Connection, user: User) -> Iterable[Event]:
    """The latest finished reviews by the user, and those by others of pictures that the user finished."""
    done = select(events).where(events.c.kind == Kind.DONE).order_by(events.c.id.desc()).limit(_MAX_REVIEWS)
    own = done.where(events.c.actor == user.name)
    pictures = own.with_only_columns(events.c.asset_id)
    others = done.where(events.c.actor != user.name, events.c.asset_id.in_(pictures))
    for query in (own, others):
        yield from map(to_event, connection.execute(query))
