"""Store of the taxonomy: every change is a ledger event, the tables hold the latest state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select

from tagging_core.common.users import SYSTEM, User
from tagging_core.embeddings import spaces
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.ledger.events import Event, Kind, append_all, to_event
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.storage import key_values, upsert
from tagging_core.storage.schema import categories, counters, events, labels, outbox, profiles, tags
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy, as_payload, make_taxonomy
from tagging_core.taxonomy.starter_file import STARTER, read_taxonomy

Item = Category | Tag | Profile
"""One element of the taxonomy."""

_MAX_NAMED_TAGS = 1000  # above this, `counts` reads the counters of all tags and filters them

_Parts = dict[Kind, dict[str, Any]]

_TABLES: dict[Kind, tuple[Table, type]] = {
    Kind.CATEGORY: (categories, Category),
    Kind.TAG: (tags, Tag),
    Kind.PROFILE: (profiles, Profile),
}


class TaxonomyCache:
    """Cache of the current taxonomy that reads only changed items on a new revision; thread-safe."""

    def __init__(self) -> None:
        self._latest: tuple[Taxonomy, _Parts] | None = None

    def load(self, connection: Connection) -> Taxonomy:
        """Return the taxonomy as the connection's transaction sees it.

        Args:
            connection: A read transaction, or a write transaction that has not yet changed the taxonomy: after a
                rollback, the cache would keep the version that was rolled back.

        Returns:
            The same object until the revision changes; deleted items are excluded.
        """
        latest, now = self._latest, revision(connection)
        if latest is not None and latest[0].revision > now:
            return load(connection)  # this transaction's snapshot is older than the cache
        if latest is None or latest[0].revision != now:
            latest = self._latest = _read_all(connection, now, latest)
        return latest[0]


def load(connection: Connection) -> Taxonomy:
    """Read the whole current taxonomy, bypassing any cache."""
    return _read_all(connection, revision(connection))[0]


def _read_all(
    connection: Connection, now: int, known: tuple[Taxonomy, _Parts] | None = None
) -> tuple[Taxonomy, _Parts]:
    """Read the taxonomy and its items, deleted ones included; with `known`, only items changed since are read."""
    since = known[0].revision if known else -1
    parts: _Parts = {}
    for kind, (table, cls) in _TABLES.items():
        fresh = _read(connection, table, cls, since=since)
        old = known[1][kind] if known else {}
        moved = any(item_id not in old or old[item_id].position != x.position for item_id, x in fresh.items())
        merged = old | fresh
        parts[kind] = dict(sorted(merged.items(), key=lambda x: (x[1].position, x[0]))) if moved else merged
    return make_taxonomy(now, parts[Kind.CATEGORY], parts[Kind.TAG], profiles=parts[Kind.PROFILE]), parts


def revision(connection: Connection) -> int:
    """Return the taxonomy's revision, a counter incremented by every change."""
    return key_values.get_int(connection, key_values.TAXONOMY)


def ensure_starter(connection: Connection, path: Path = STARTER) -> bool:
    """Fill an empty tag library with the starter taxonomy.

    Returns:
        Whether the library was empty.
    """
    if connection.execute(select(func.count()).select_from(categories)).scalar_one():
        return False
    starter = read_taxonomy(path)
    parts = starter.categories, starter.tags, starter.profiles
    write(connection, SYSTEM, [item for part in parts for item in part.values()])
    mark_dirty(connection, starter.tags)
    return True


def write(connection: Connection, user: User, items: Iterable[Item], *, change_id: str | None = None) -> None:
    """Write items, validated by the caller, to the ledger and the tables, and increment the revisions.

    Webhook deliveries and index updates of the tags are queued in the same transaction.

    Args:
        change_id: Id of the change set; None for the starter library.
    """
    new_revision = key_values.bump(connection, key_values.TAXONOMY)
    key_values.bump(connection, key_values.LIBRARY)
    rows: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in _TABLES}
    written: list[Event] = []
    for item in items:
        kind = next(kind for kind, (_, cls) in _TABLES.items() if isinstance(item, cls))
        tag_id = item.id if kind == Kind.TAG else None
        event = Event(kind, user.name, tag_id=tag_id, payload=as_payload(item), group_id=change_id)
        rows[kind].append(_row(event, item, new_revision))
        written.append(event)
    append_all(connection, written)
    for kind, (table, _) in _TABLES.items():
        upsert(connection, table, rows[kind])
    merged = [{"tag": row["id"]} for row in rows[Kind.TAG] if row["state"] == "merged"]
    webhook_outbox.announce(connection, EventType.TAG_MERGED, merged)
    changed = [{"tag": row["id"]} for row in rows[Kind.TAG] if row["state"] != "merged"]
    webhook_outbox.announce(connection, EventType.TAG_CHANGED, changed)
    if rows[Kind.TAG]:
        changes = [{"kind": "tag", "key": row["id"]} for row in rows[Kind.TAG]]
        fingerprints = spaces.indexed(connection)
        connection.execute(outbox.insert(), [row | {"fingerprint": f} for f in fingerprints for row in changes])


def replay(connection: Connection) -> None:
    """Rebuild the tag, category and profile tables from the ledger."""
    query = select(events).where(events.c.kind.in_([str(kind) for kind in _TABLES])).order_by(events.c.id)
    new_revision = key_values.bump(connection, key_values.TAXONOMY)
    key_values.bump(connection, key_values.LIBRARY)
    for row in connection.execute(query).all():
        event = to_event(row)
        table, cls = _TABLES[event.kind]
        upsert(connection, table, [_row(event, cls(**(event.payload or {})), new_revision)])


def counts(connection: Connection, tag_ids: Sequence[str] | None = None) -> dict[str, tuple[int, int]]:
    """Return (assets with the tag, assets that had it rejected) by tag id; tags without decisions are absent."""
    query = select(counters.c.name, counters.c.n)
    if tag_ids is None or len(tag_ids) > _MAX_NAMED_TAGS:
        query = query.where(counters.c.name.startswith("tag."))
    else:
        query = query.where(counters.c.name.in_([f"tag.{t}={value}" for t in tag_ids for value in (0, 1)]))
    table: dict[str, tuple[int, int]] = {}
    for name, n in connection.execute(query):
        tag_id, value = name.removeprefix("tag.").rsplit("=", 1)
        yes, no = table.get(tag_id, (0, 0))
        table[tag_id] = (n, no) if value == "1" else (yes, n)
    return table if tag_ids is None else {tag_id: table[tag_id] for tag_id in tag_ids if tag_id in table}


def examples(connection: Connection, tag_id: str, value: int = 1, *, limit: int = 12) -> list[int]:
    """Return ids of assets on which a tag was accepted (`value` 1) or rejected (0), latest decision first."""
    query = select(labels.c.asset_id).where(labels.c.tag_id == tag_id, labels.c.value == value)
    return list(connection.execute(query.order_by(labels.c.event_id.desc()).limit(limit)).scalars())


def _row(event: Event, item: Item, new_revision: int) -> dict[str, Any]:
    row = as_payload(item) | {"revision": new_revision}
    return row | {"changed_at": event.at, "changed_by": event.actor} if event.kind == Kind.TAG else row


def _read(connection: Connection, table: Table, cls: type, *, since: int) -> dict[str, Any]:
    names = [field.name for field in fields(cls)]
    query = select(*(table.c[name] for name in names)).where(table.c.revision > since)
    return {row.id: cls(**row._mapping) for row in connection.execute(query.order_by(table.c.position, table.c.id))}
