"""Keeping the taxonomy: every change is a ledger event, the tables hold the latest state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy import Connection, Table, func, select

from tagging_core import ledger, meta
from tagging_core.ledger import Event, Kind
from tagging_core.people import SYSTEM, Action, User, require
from tagging_core.projection import mark_dirty
from tagging_core.store import upsert
from tagging_core.store.tables import categories, counters, events, labels, outbox, profiles, tags
from tagging_core.taxonomy import (
    STARTER,
    Category,
    Profile,
    Tag,
    Taxonomy,
    as_payload,
    check_tag,
    read_taxonomy,
    with_known_synonyms,
)

_TABLES: dict[Kind, tuple[Table, type]] = {
    Kind.CATEGORY: (categories, Category),
    Kind.TAG: (tags, Tag),
    Kind.PROFILE: (profiles, Profile),
}


class TaxonomyCache:
    """The taxonomy as it stands, read again only when its revision moved; safe to share between threads."""

    def __init__(self) -> None:
        self._latest: Taxonomy | None = None

    def load(self, connection: Connection) -> Taxonomy:
        """The taxonomy this connection sees."""
        latest = self._latest
        if latest is None or latest.revision != revision(connection):
            latest = self._latest = load(connection)
        return latest


def load(connection: Connection) -> Taxonomy:
    """The taxonomy as it stands, read whole."""
    parts = {kind: _read(connection, *_TABLES[kind]) for kind in _TABLES}
    return Taxonomy(revision(connection), parts[Kind.CATEGORY], parts[Kind.TAG], parts[Kind.PROFILE])


def revision(connection: Connection) -> int:
    """A counter that moves with every change of the taxonomy."""
    return meta.get_int(connection, meta.TAXONOMY)


def ensure_starter(connection: Connection, path: Path = STARTER) -> bool:
    """Fill an empty library with the starter taxonomy; whether that was needed."""
    if connection.execute(select(func.count()).select_from(categories)).scalar_one():
        return False
    starter = read_taxonomy(path)
    for kind, items in (
        (Kind.CATEGORY, starter.categories),
        (Kind.TAG, starter.tags),
        (Kind.PROFILE, starter.profiles),
    ):
        for item in items.values():
            _write(connection, SYSTEM, kind, item)
    _announce(connection)
    mark_dirty(connection, starter.tags)
    return True


def save_tag(connection: Connection, user: User, tag: Tag) -> Tag:
    """Add a tag or change one; a tag without an id is given one that never changes.

    Raises:
        NotAllowedError: The user is no taxonomy owner.
        TagError: The tag has no English name, or a name of another tag.
    """
    require(user, Action.CURATE)
    return _save(connection, user, tag)


def propose(connection: Connection, user: User, tag: Tag) -> Tag:
    """Add a tag that people may give at once, and that is suggested once an owner agrees.

    Raises:
        NotAllowedError: The user may not review.
        TagError: The tag has no English name, or a name of another tag.
    """
    require(user, Action.REVIEW)
    return _save(connection, user, replace(tag, id="", state="proposed"))


def _save(connection: Connection, user: User, tag: Tag) -> Tag:
    taxonomy = load(connection)
    tag = replace(
        tag,
        id=tag.id or _new_id(tag, taxonomy),
        names={k: " ".join(v.split()) for k, v in tag.names.items() if v.strip()},
        aliases={k: [" ".join(a.split()) for a in v if a.strip()] for k, v in tag.aliases.items()},
        prompts=[p.strip() for p in tag.prompts if p.strip()],
        position=taxonomy.tags[tag.id].position if tag.id in taxonomy.tags else len(taxonomy.tags),
    )
    tag = with_known_synonyms(tag, read_taxonomy())
    check_tag(tag, taxonomy)
    _write(connection, user, Kind.TAG, tag)
    _announce(connection)
    mark_dirty(connection, [tag.id])
    return tag


def replay(connection: Connection) -> None:
    """Make the tag, category and profile tables anew from the ledger."""
    query = select(events).where(events.c.kind.in_([str(kind) for kind in _TABLES])).order_by(events.c.id)
    for row in connection.execute(query).all():
        event = ledger.to_event(row)
        table, cls = _TABLES[event.kind]
        upsert(connection, table, [_row(event, cls(**(event.payload or {})))])
    _announce(connection)


def find(taxonomy: Taxonomy, text: str, limit: int = 10, within: Sequence[Tag] | None = None) -> list[Tag]:
    """Tags whose name or alias in any language fits what was typed, typos allowed, best first."""
    words = [(w.casefold(), tag) for tag in within or taxonomy.givable() for w in tag.words()]
    typed = " ".join(text.casefold().split())
    if not typed:
        return []
    scored = process.extract(typed, [w for w, _ in words], scorer=fuzz.WRatio, limit=5 * limit, score_cutoff=70)
    # A name that starts as typed comes before a merely similar one.
    ranked = sorted(scored, key=lambda hit: (not hit[0].startswith(typed), -hit[1], len(hit[0])))
    return list({words[index][1].id: words[index][1] for _, _, index in ranked}.values())[:limit]


def counts(connection: Connection, tag_ids: Sequence[str] | None = None) -> dict[str, tuple[int, int]]:
    """Assets that have each tag, and that had it rejected, by tag id; tags without decisions are absent."""
    query = select(counters.c.name, counters.c.n)
    if tag_ids is None:
        query = query.where(counters.c.name.startswith("tag."))
    else:
        query = query.where(counters.c.name.in_([f"tag.{t}={value}" for t in tag_ids for value in (0, 1)]))
    table: dict[str, tuple[int, int]] = {}
    for name, n in connection.execute(query):
        tag_id, value = name.removeprefix("tag.").rsplit("=", 1)
        yes, no = table.get(tag_id, (0, 0))
        table[tag_id] = (n, no) if value == "1" else (yes, n)
    return table


def examples(connection: Connection, tag_id: str, value: int = 1, limit: int = 12) -> list[int]:
    """Ids of assets a tag was accepted (1) or rejected (0) for, latest decision first."""
    query = select(labels.c.asset_id).where(labels.c.tag_id == tag_id, labels.c.value == value)
    return list(connection.execute(query.order_by(labels.c.event_id.desc()).limit(limit)).scalars())


def _new_id(tag: Tag, taxonomy: Taxonomy) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", tag.names.get("en", "").lower()).strip("-")[:60] or "tag"
    base, n = f"{tag.category_id}.{slug}", 1
    while (new := base if n == 1 else f"{base}-{n}") in taxonomy.tags:
        n += 1
    return new


def _write(connection: Connection, user: User, kind: Kind, item: Category | Tag | Profile) -> None:
    tag_id = item.id if kind == Kind.TAG else None
    event = Event(kind, user.name, tag_id=tag_id, payload=as_payload(item))
    ledger.append(connection, event)
    upsert(connection, _TABLES[kind][0], [_row(event, item)])
    if tag_id:
        connection.execute(outbox.insert().values(kind="tag", key=tag_id))


def _announce(connection: Connection) -> None:
    meta.bump(connection, meta.TAXONOMY)
    meta.bump(connection, meta.LIBRARY)


def _row(event: Event, item: Any) -> dict[str, Any]:
    row = as_payload(item)
    return row | {"changed_at": event.at, "changed_by": event.actor} if event.kind == Kind.TAG else row


def _read(connection: Connection, table: Table, cls: type) -> dict[str, Any]:
    names = [field.name for field in fields(cls)]
    rows = connection.execute(select(*(table.c[name] for name in names)).order_by(table.c.position, table.c.id))
    return {row.id: cls(**row._mapping) for row in rows}
