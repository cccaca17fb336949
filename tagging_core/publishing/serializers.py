"""Converts objects of the core to API schemas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import Connection, select

from tagging_core.assets.repository import Asset
from tagging_core.common.periods import Period
from tagging_core.ingest.batches import Batch
from tagging_core.learning.suggestions import Suggestion
from tagging_core.ledger import label_queries
from tagging_core.ledger.events import Event
from tagging_core.ledger.webhook_outbox import Delivery, Webhook
from tagging_core.publishing import captions, schemas
from tagging_core.search import Filters
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Tag, Taxonomy

_FIRST, _LAST = date(1970, 1, 2), date(9998, 12, 30)


def utc(at: datetime) -> datetime:
    """Add the time zone to a naive UTC time from the database."""
    return at.replace(tzinfo=UTC)


def to_filters(asked: schemas.Filters) -> Filters:
    """Convert filters of a request to those of the core."""
    period = None
    if asked.since or asked.until:
        period = Period(max(asked.since or _FIRST, _FIRST), min(asked.until or _LAST, _LAST))
    return Filters(tuple(asked.tag), asked.category, asked.profile, asked.batch, period, asked.state or "")


def suggestions(found: Sequence[Suggestion], taxonomy: Taxonomy, language: str) -> list[schemas.Suggestion]:
    """Convert suggestions; those of deleted tags are skipped."""
    known = [(s, taxonomy.tags[s.tag_id]) for s in found if s.tag_id in taxonomy.tags]
    return [
        schemas.Suggestion(
            tag=t.id, name=t.name(language), category=t.category_id, probability=round(s.probability, 4)
        )
        for s, t in known
    ]


def assets(
    connection: Connection, taxonomy: Taxonomy, found: Sequence[Asset], *, language: str
) -> list[schemas.Asset]:
    """Convert assets, with their tags and descriptions, in a constant number of queries per 900 labels."""
    ids = [asset.id for asset in found]
    labels = label_queries.labels_of(connection, ids)
    words = captions.describe(connection, taxonomy, found, language=language)
    wanted = [label.event_id for each in labels.values() for label in each.values() if label.value]
    decided = {}
    for start in range(0, len(wanted), 900):
        query = select(events.c.id, events.c.actor, events.c.at, events.c.payload)
        for row in connection.execute(query.where(events.c.id.in_(wanted[start : start + 900]))):
            decided[row.id] = (row.actor, utc(row.at), (row.payload or {}).get("probability"))
    converted = []
    for asset in found:
        given = [
            schemas.Given(tag=t.id, name=t.name(language), category=t.category_id, probability=p, by=by, at=at)
            for tag_id, label in labels.get(asset.id, {}).items()
            if label.value and (t := taxonomy.tags.get(tag_id)) is not None
            for by, at, p in [decided[label.event_id]]
        ]
        converted.append(
            schemas.Asset(
                id=asset.id,
                sha256=asset.sha256,
                name=asset.name,
                format=asset.format,
                width=asset.width,
                height=asset.height,
                bytes=asset.bytes,
                taken_at=asset.taken_at,
                created_at=utc(asset.created_at),
                state=asset.review,
                text=schemas.Text(**asset.text.as_dict()),
                tags=given,
                description=description(words[asset.id]),
            )
        )
    return converted


def description(found: captions.Captions) -> schemas.Description:
    """Convert a description, with the parts a person wrote."""
    words = found.description
    return schemas.Description(
        language=words.language,
        title=words.title,
        caption=words.caption,
        alt=words.alt,
        written=list(found.written),
    )


def tag(found: Tag, counts: tuple[int, int], language: str) -> schemas.Tag:
    """Convert a tag; `counts` are the numbers of pictures it was accepted and rejected for."""
    return schemas.Tag(
        id=found.id,
        name=found.name(language),
        names=found.names,
        aliases=found.aliases,
        category=found.category_id,
        parent=found.parent_id,
        definition=found.definition,
        state=found.state,
        merged_into=found.merged_into,
        sensitive=found.sensitive,
        accepted=counts[0],
        rejected=counts[1],
    )


def batch(found: Batch) -> schemas.Batch:
    """Convert a batch."""
    return schemas.Batch(
        id=found.id,
        name=found.name,
        profile=found.profile,
        by=found.actor,
        created_at=utc(found.created_at),
        state=found.state,
        total=found.total,
        ingested=found.ingested,
        known=found.known,
        refused=found.refused,
    )


def job(job_id: int, found: Batch, refused: Sequence[tuple[str, str]]) -> schemas.Job:
    """Convert the job of a batch; `refused` are file names with reasons."""
    return schemas.Job(
        id=job_id,
        batch=found.id,
        state=found.state,
        total=found.total,
        finished=found.finished,
        rate=round(found.rate, 2),
        seconds_left=None if found.seconds_left is None else round(found.seconds_left, 1),
        note=found.note,
        refused=[schemas.Refused(name=name, reason=reason) for name, reason in refused],
    )


def decision(event: Event) -> schemas.Decision:
    """Convert a ledger event about a picture."""
    return schemas.Decision(
        id=event.id,
        at=utc(event.at),
        by=event.actor,
        kind=event.kind,
        asset=event.asset_id or 0,
        tag=event.tag_id,
        other_tag=event.other_tag_id,
        undoes=event.target_id,
        profile=event.profile,
    )


def webhook(found: Webhook, secret: bool = False) -> schemas.Webhook:
    """Convert a webhook; `secret` includes the signing secret."""
    return schemas.Webhook(
        id=found.id,
        url=found.url,
        kinds=list(found.kinds),
        active=found.active,
        pause_reason=found.pause_reason,
        created_at=utc(found.created_at),
        secret=found.secret if secret else None,
    )


def delivery(found: Delivery) -> schemas.Delivery:
    """Convert a webhook delivery."""
    return schemas.Delivery(
        id=found.uid,
        webhook=found.webhook_id,
        kind=found.kind,
        state=found.state,
        attempts=found.attempts,
        due=datetime.fromtimestamp(found.due, UTC),
        note=found.note,
        at=utc(found.at),
        body=found.body,
    )
