"""Decisions about a picture."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from tagging_core import ledger
from tagging_core.assets import repository as asset_module
from tagging_core.assets.repository import AssetText
from tagging_core.common.users import Action, User, require
from tagging_core.errors import DecisionError
from tagging_core.ledger import label_queries, projection
from tagging_core.ledger.events import NEEDS_TAG, AssetState, Event, Kind, Label, Look
from tagging_core.review import leases
from tagging_core.review.sampling import SamplingRates
from tagging_core.review.shown import Shown
from tagging_core.taxonomy.model import Taxonomy

_CLOSING = {Kind.DONE, Kind.SKIP, Kind.FLAG}


@dataclass(frozen=True, slots=True)
class Decision:
    """A user's decision about one asset.

    Attributes:
        kind: accept, reject, add, replace, done, skip or flag.
        other_tag_id: The replacement, for `replace`.
        profile: Profile of the review.
        seconds: Time the user took, if known.
        note: Reason for a flag.
        look: Set for an independent review, whose decisions do not change the labels.
        shown: The suggestions the user saw, from the card or a token; None if unknown.
        payload: Stored in the ledger instead of the payload derived from `shown`, such as `{"recheck": True}`.
        uid: Idempotency key; a decision sent twice is written once.
    """

    kind: Kind
    asset_id: int
    tag_id: str | None = None
    other_tag_id: str | None = None
    profile: str = "general"
    seconds: float | None = None
    note: str = ""
    look: Look | None = None
    shown: Shown | None = None
    payload: dict[str, Any] | None = None
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)


def decide(
    connection: Connection,
    user: User,
    decision: Decision,
    *,
    taxonomy: Taxonomy,
    group_id: str | None = None,
    rates: SamplingRates | None = None,
) -> int:
    """Write a decision to the ledger and update the projected tables.

    Args:
        group_id: Id of the decision group it belongs to, if any.
        rates: Rates of the blind and second-opinion samples; no sampling if omitted.

    Returns:
        The ledger event's id; that of the earlier event for a duplicate or a no-op.

    Raises:
        NotAllowedError: The user may not review.
        NotFoundError: The asset, tag or profile does not exist.
        DecisionError: The decision is invalid, such as a replacement by the same tag.
        LeasedError: Another user has leased the picture.
    """
    return write(connection, user, decision, taxonomy=taxonomy, group_id=group_id, rates=rates)[0]


def write(
    connection: Connection,
    user: User,
    decision: Decision,
    *,
    taxonomy: Taxonomy,
    group_id: str | None = None,
    rates: SamplingRates | None = None,
) -> tuple[int, bool]:
    """As `decide`; also says whether an event was written: duplicates and no-ops write none."""
    require(user, Action.REVIEW)
    before, earlier = ledger.history_with(connection, decision.asset_id, decision.uid)
    if earlier is not None:
        return earlier.id, False
    sample = leases.require_free(connection, user, decision.asset_id)
    profile = taxonomy.profile(decision.profile)
    standing = ledger.fold(before, taxonomy.redirects)
    event = replace(_to_event(user, decision, taxonomy), group_id=group_id)
    if rates is not None:
        event = replace(event, payload=_sampled(event, decision, rates.is_blind(sample), before=before))
        second = rates.needs_second_opinion(sample) and not (decision.look or standing.compared)
        if event.kind == Kind.DONE and second:
            event = replace(event, payload=dict(event.payload or {}) | {"second_due": True})
    if decision.look:
        in_play = {tag.id for tag in taxonomy.active(profile)}
        event = replace(event, payload=_looked(decision, event, standing, in_play=in_play))
    if event.kind in NEEDS_TAG:
        labels = standing.looks.get(user.name, {}) if decision.look else standing.labels
        held = [labels.get(tag) for tag, _ in ledger.verdicts(event)]
        wanted = [value for _, value in ledger.verdicts(event)]
        if all(label and label.value == value for label, value in zip(held, wanted, strict=True)):
            return held[-1].event_id if held[-1] else 0, False
    return projection.record(connection, event, taxonomy, before=before), True


def set_text(
    connection: Connection, user: User, asset_id: int, *, text: AssetText, taxonomy: Taxonomy
) -> AssetText:
    """Replace an asset's text and return it as stored; the ledger keeps the old and the new text.

    Raises:
        NotAllowedError: The user may not review.
        NotFoundError: There is no such asset.
        LeasedError: Another user has leased the picture.
    """
    require(user, Action.REVIEW)
    leases.require_free(connection, user, asset_id)
    before = asset_module.get(connection, asset_id).text
    kept = asset_module.set_text(connection, asset_id, text)
    payload = {"before": before.as_dict(), "after": kept.as_dict()}
    event = Event(Kind.TEXT, user.name, asset_id=asset_id, payload=payload)
    projection.record(connection, event, taxonomy)
    return kept


def labels_of(connection: Connection, asset_id: int) -> dict[str, Label]:
    """Return an asset's labels by tag id, in the order of the decisions."""
    return label_queries.labels_of(connection, [asset_id]).get(asset_id, {})


def _to_event(user: User, decision: Decision, taxonomy: Taxonomy) -> Event:
    kind = Kind(decision.kind)
    if kind not in NEEDS_TAG | _CLOSING:
        known = ", ".join(sorted(NEEDS_TAG | _CLOSING))
        raise DecisionError(f"{decision.kind!r} is no decision; it is one of {known}.")
    if (kind in NEEDS_TAG) != bool(decision.tag_id) or (kind == Kind.REPLACE) != bool(decision.other_tag_id):
        raise DecisionError("accept, reject and add name one tag, replace names two, done, skip and flag none.")
    tag_id = taxonomy.tag(decision.tag_id).id if decision.tag_id else None
    other = taxonomy.tag(decision.other_tag_id).id if decision.other_tag_id else None
    if tag_id and tag_id == other:
        raise DecisionError("A tag cannot be replaced by itself.")
    if decision.shown is not None and decision.shown.asset_id != decision.asset_id:
        raise DecisionError(
            f"`shown` is of picture {decision.shown.asset_id}, the decision of {decision.asset_id}."
        )
    return Event(
        kind,
        user.name,
        asset_id=decision.asset_id,
        tag_id=tag_id,
        other_tag_id=other,
        profile=decision.profile,
        seconds=decision.seconds,
        payload=_payload(decision, tag_id, taxonomy),
        uid=decision.uid,
    )


def _payload(decision: Decision, tag_id: str | None, taxonomy: Taxonomy) -> dict[str, Any] | None:
    """What the user saw: the tag's suggestion and its rivals', or all suggestions that a finished review left open.

    Accuracy counts suggestions that were left open or ruled out as wrong, like rejected ones.
    """
    if decision.payload is not None:
        return decision.payload
    if decision.kind == Kind.FLAG:
        return {"note": " ".join(decision.note.split())[:500]}
    seen = decision.shown.by_tag(taxonomy) if decision.shown else {}
    if not seen:
        return None if tag_id else {"shown": 0}
    payload: dict[str, Any] = {"fingerprint": next(iter(seen.values())).fingerprint}
    if tag_id is None:
        left = {s.tag_id: round(s.probability, 4) for s in seen.values()}
        return payload | {"shown": len(seen)} | ({"left": left} if decision.kind == Kind.DONE else {})
    if own := seen.get(tag_id):
        payload |= {"probability": round(own.probability, 4), "rank": own.rank, "revision": own.revision}
    if instead := seen.get(decision.other_tag_id or ""):
        payload |= {"instead": round(instead.probability, 4)}
    given = decision.other_tag_id or (tag_id if decision.kind in (Kind.ACCEPT, Kind.ADD) else None)
    if given:
        category = taxonomy.categories[taxonomy.tag(given).category_id]
        mine = {t for t in seen if (tag := taxonomy.tags.get(t)) and tag.category_id == category.id}
        rivals = mine - {tag_id, given} if category.exclusive else set()
        payload |= {"rivals": {t: round(seen[t].probability, 4) for t in sorted(rivals)}} if rivals else {}
    return payload


def _sampled(event: Event, decision: Decision, is_blind: bool, *, before: Sequence[Event]) -> dict[str, Any] | None:
    """The event's payload, with the suggestions that a picture of the blind sample hid.

    Accuracy uses predictions made before the model learned from the picture: those hidden by the first card, which
    the first decision stores.
    """
    if not is_blind or event.kind not in NEEDS_TAG | {Kind.DONE}:
        return event.payload
    known = next((p for e in before if (p := e.payload or {}) and "hidden" in p and e.profile == event.profile), {})
    shown = decision.shown or ()
    payload: dict[str, Any] = {"blind": True}
    if hidden := known.get("hidden") or {s.tag_id: round(s.probability, 4) for s in shown}:
        payload["fingerprint"] = known.get("fingerprint") or next(iter(shown)).fingerprint
    if event.kind == Kind.DONE:
        return payload | {"shown": 0, "hidden": hidden}
    return payload | {"hidden": hidden} if hidden and not known else {"blind": True}


def _looked(decision: Decision, event: Event, standing: AssetState, *, in_play: set[str]) -> dict[str, Any]:
    """The payload of an event in an independent review; a finished one records where both opinions differ.

    Raises:
        DecisionError: No second opinion is due, or the user gave the first one.
    """
    payload = dict(event.payload or {}) | {"look": str(decision.look)}
    if decision.look == Look.SECOND and standing.review != "second":
        raise DecisionError("No second opinion is wanted on this picture any more: somebody else gave one.")
    if decision.look == Look.SECOND and standing.first == event.actor:
        raise DecisionError("A second opinion comes from somebody else than the first.")
    if event.kind == Kind.DONE:
        first, mine = (
            {tag_id for tag_id, label in said.items() if label.value and tag_id in in_play}
            for said in (standing.labels, standing.looks.get(event.actor, {}))
        )
        payload |= {"agreed": sorted(first & mine), "differs": sorted(first ^ mine)}
    return payload
