"""Drill-down from an aggregate count to its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, cast, or_, select

from tagging_core import ledger
from tagging_core.common import periods
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger import projection
from tagging_core.ledger.events import Kind
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.content import Basis
from tagging_core.ledger.rollups.tally import BLIND, Key, tally
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets, counters, events, items, labels, reviews
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.redirects import TagRedirects

PAGE = 60
"""Page size."""

LOOKED_AT = 600
"""Maximum number of candidate events read for one page."""

_MAX_RARE = 5_000  # pictures with a tag up to which starting from its labels is faster than from the period
_CHUNK_SIZE = 100  # events per query


@dataclass(frozen=True, slots=True)
class DrilldownQuery:
    """Filter for pictures; empty fields do not filter.

    Attributes:
        basis: Date that `period` applies to.
        tag_ids: Pictures with all of these tags; with `what`, decisions on any of them.
        batch_id: Pictures of this batch; `period` is ignored.
        what: Kind of daily count, see `ledger.rollups.tally`, such as `accept`, `shown.wrong` or `blind.missed`;
            empty for pictures with a finished review.
        given: With `what` = `mistaken`, the tag given instead of `tag_ids[0]`.
        actor: Name of the person who decided.
        bins: With `what` = `shown` or `blind`, half-open range of probability bins in hundredths.
    """

    period: Period | None = None
    basis: str = Basis.REVIEWED
    tag_ids: tuple[str, ...] = ()
    profile: str = ""
    batch_id: int | None = None
    what: str = ""
    given: str = ""
    actor: str = ""
    bins: tuple[int, int] | None = None


def find(
    connection: Connection, user: User, wanted: DrilldownQuery, *, taxonomy: Taxonomy, skip: int = 0
) -> list[int]:
    """Return ids of up to PAGE pictures, latest first.

    Queries on decisions read at most LOOKED_AT of the period's latest events, so results may be incomplete.

    Args:
        skip: Offset of the page.
    """
    require(user, Action.REPORT)
    if not wanted.what or wanted.what == "upload":
        # A picture reviewed under several profiles has several rows.
        query = _pictures(connection, wanted, taxonomy).limit((skip + PAGE) * max(1, len(taxonomy.profiles)))
        return list(dict.fromkeys(connection.execute(query).scalars()))[skip : skip + PAGE]
    return _decided(connection, wanted, taxonomy, enough=skip + PAGE)[skip : skip + PAGE]


# ---- pictures by content -------------------------------------------------------------------------------------


def _pictures(connection: Connection, wanted: DrilldownQuery, taxonomy: Taxonomy) -> Select[Any]:
    query = select(assets.c.id)
    order: ColumnElement[Any] = assets.c.created_at
    rare_tag = ""
    if wanted.what != "upload":
        rare_tag = _rarest_tag(connection, wanted.tag_ids)
        query = query.join(reviews, reviews.c.asset_id == assets.c.id)
        if wanted.profile in taxonomy.profiles:
            query = query.where(reviews.c.profile == wanted.profile)
        if rare_tag:
            query = query.join(labels, labels.c.asset_id == assets.c.id)
            query = query.where(labels.c.tag_id == rare_tag, labels.c.value == 1)
        order = {Basis.REVIEWED: reviews.c.event_id, Basis.TAKEN: assets.c.taken_at}.get(Basis(wanted.basis), order)
    for tag_id in wanted.tag_ids:
        has = labels.c.asset_id == assets.c.id, labels.c.tag_id == tag_id, labels.c.value == 1
        query = query if tag_id == rare_tag else query.where(select(labels.c.tag_id).where(*has).exists())
    if wanted.batch_id is not None:
        query = query.where(assets.c.id.in_(select(items.c.asset_id).where(items.c.batch_id == wanted.batch_id)))
    elif wanted.period is not None:
        query = query.where(_within(connection, wanted))
    return query.order_by(order.desc())


def _rarest_tag(connection: Connection, tag_ids: Iterable[str]) -> str:
    """Return the rarest of the tags if at most _MAX_RARE pictures have it, else an empty string."""
    names = {f"tag.{tag_id}=1": tag_id for tag_id in tag_ids}
    if not names:
        return ""
    query = select(counters.c.name, counters.c.n).where(counters.c.name.in_(list(names)))
    counts = {names[row.name]: row.n for row in connection.execute(query)}
    least = min(names.values(), key=lambda tag_id: counts.get(tag_id, 0))
    return least if counts.get(least, 0) <= _MAX_RARE else ""


def _within(connection: Connection, wanted: DrilldownQuery) -> ColumnElement[bool]:
    assert wanted.period is not None
    first, after = periods.moments(wanted.period, key_values.zone_of(connection))
    if wanted.what == "upload" or wanted.basis == Basis.UPLOADED:
        return and_(assets.c.created_at >= first, assets.c.created_at < after)
    if wanted.basis == Basis.TAKEN:
        first, after = periods.moments(wanted.period, "UTC")  # capture times are camera-local, without a zone
        return and_(assets.c.taken_at >= first, assets.c.taken_at < after)
    return reviews.c.event_id.between(*event_ids(connection, wanted.period))


def event_ids(connection: Connection, period: Period) -> tuple[int, int]:
    """Return the first and last event id of a period, or (1, 0) if it has no events."""
    first, after = periods.moments(period, key_values.zone_of(connection))
    within = select(events.c.id).where(events.c.at >= first, events.c.at < after).limit(1)
    began = connection.execute(within.order_by(events.c.at, events.c.id)).scalar()
    ended = connection.execute(within.order_by(events.c.at.desc(), events.c.id.desc())).scalar()
    return (1, 0) if began is None or ended is None else (int(began), int(ended))


# ---- pictures by decisions -----------------------------------------------------------------------------------


def _decided(connection: Connection, wanted: DrilldownQuery, taxonomy: Taxonomy, *, enough: int) -> list[int]:
    """Return pictures that contribute to the wanted count, latest first, by tallying their events again."""
    day_of = periods.day_in(key_values.zone_of(connection))
    query = _candidates(connection, wanted, taxonomy).order_by(events.c.id.desc()).limit(_CHUNK_SIZE)
    seen: set[int] = set()
    found: list[int] = []
    page, looked_at = query, 0
    while len(found) < enough and looked_at < LOOKED_AT and (rows := connection.execute(page).all()):
        part = list(dict.fromkeys(row.asset_id for row in rows if row.asset_id not in seen))
        histories = projection.histories(connection, part)
        found += [a for a in part if _contributes(tally(histories[a], day_of), wanted, taxonomy.redirects)]
        seen.update(part)
        looked_at += len(rows)
        page = query.where(events.c.id < rows[-1].id)
    return found


def _candidates(connection: Connection, wanted: DrilldownQuery, taxonomy: Taxonomy) -> Select[Any]:
    """Select the events that may contribute to the wanted count."""
    query = select(events.c.id, events.c.asset_id).where(
        events.c.asset_id.is_not(None), events.c.kind.in_(_kinds(wanted.what))
    )
    if wanted.period is not None:
        query = query.where(events.c.id.between(*event_ids(connection, wanted.period)))
    if wanted.actor:
        query = query.where(events.c.actor == wanted.actor)
    if wanted.profile:
        query = query.where(events.c.profile == wanted.profile)
    payload = cast(events.c.payload, Text)
    if wanted.what.startswith(BLIND):
        query = query.where(payload.contains('"blind": true'))
    if keys := [key for tag_id in wanted.tag_ids for key in reader.sources(tag_id, taxonomy.redirects)]:
        named = [events.c.tag_id.in_(keys), events.c.other_tag_id.in_(keys)]
        query = query.where(or_(*named, *(payload.contains(f'"{key}"', autoescape=True) for key in keys)))
    return query


def _kinds(what: str) -> list[Kind]:
    review_kinds = ("done", "assisted", "unchanged", "agree", "differ", "known")
    if what in review_kinds or what.startswith(BLIND):
        return [Kind.DONE]
    return [*sorted(ledger.NEEDS_TAG), Kind.DONE]


def _contributes(counts: Counter[Key], wanted: DrilldownQuery, redirects: TagRedirects) -> bool:
    first, last = wanted.period.bounds if wanted.period else ("", "9999")
    within = [figure for (day, *figure), n in counts.items() if n > 0 and first <= day <= last]
    return any(_matches(figure, wanted, redirects) for figure in within)


def _matches(figure: list[str], wanted: DrilldownQuery, redirects: TagRedirects) -> bool:
    subject, key, kind = figure
    if wanted.what == "mistaken":
        pair = tuple(redirects.resolve(part) for part in key.split(">")) if subject == "pair" else ()
        return pair == (*wanted.tag_ids[:1], wanted.given)
    if wanted.bins is not None:
        source, _, place = key.partition(".")
        return subject == "bin" and source == wanted.what and wanted.bins[0] <= int(place) < wanted.bins[1]
    if kind != wanted.what:
        return False
    if wanted.tag_ids:
        return subject == "tag" and redirects.resolve(key) in wanted.tag_ids
    return (subject, key) == (("actor", wanted.actor) if wanted.actor else ("all", ""))
