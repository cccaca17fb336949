"""Saved views: named chart settings, shared by everybody who may read reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from tagging_core.common.users import Action, User, require
from tagging_core.errors import NotFoundError, TaggingError
from tagging_core.storage import Database, insert_row
from tagging_core.storage.schema import saved_views


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved view; `address` holds the page's query parameters, `at` is naive UTC."""

    id: int
    name: str
    page: str
    address: dict[str, str]
    actor: str
    at: datetime


def save(connection: Connection, user: User, name: str, *, page: str, address: dict[str, str]) -> int:
    """Save a view and return its id.

    Raises:
        NotAllowedError: The user may not read reports.
        TaggingError: The name is empty or taken by another view of the page.
    """
    require(user, Action.REPORT)
    cleaned = " ".join(name.split())[:120]
    if not cleaned:
        raise TaggingError("Give the view a name.")
    if cleaned.casefold() in {view.name.casefold() for view in listed(connection, user, page)}:
        raise TaggingError(
            f"There is a view called {cleaned!r} already. Choose another name, or remove that view first."
        )
    row = {"name": cleaned, "page": page, "address": address, "actor": user.name}
    return insert_row(
        connection, saved_views, row | {"at": datetime.now(UTC).replace(tzinfo=None), "removed": False}
    )


def listed(connection: Connection, user: User, page: str) -> list[SavedView]:
    """Return the saved views of a page, sorted by name regardless of case.

    Raises:
        NotAllowedError: The user may not read reports.
    """
    require(user, Action.REPORT)
    rows = connection.execute(select(saved_views).where(saved_views.c.page == page, ~saved_views.c.removed))
    found = [SavedView(row.id, row.name, row.page, row.address, row.actor, row.at) for row in rows]
    return sorted(found, key=lambda view: view.name.casefold())


def remove(connection: Connection, user: User, view_id: int, *, removed: bool = True) -> None:
    """Remove a view, or restore it if `removed` is False.

    Raises:
        NotAllowedError: The user may not read reports.
        NotFoundError: There is no such view.
    """
    require(user, Action.REPORT)
    query = update(saved_views).where(saved_views.c.id == view_id).values(removed=removed)
    if not connection.execute(query).rowcount:
        raise NotFoundError(f"There is no saved view {view_id}.")


class SavedViews:
    """Stores and lists saved views."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, user: User, name: str, page: str, *, address: dict[str, str]) -> int:
        """Save a page's query parameters under a name; see `save`."""
        with self._database.write() as connection:
            return save(connection, user, name, page=page, address=address)

    def listed(self, user: User, page: str) -> list[SavedView]:
        """Return the saved views of a page; see `listed`."""
        with self._database.read() as connection:
            return listed(connection, user, page)

    def remove(self, user: User, view_id: int, removed: bool = True) -> None:
        """Remove or restore a view; see `remove`."""
        with self._database.write() as connection:
            remove(connection, user, view_id, removed=removed)
