from __future__ import annotations

import pytest

from tagging_core import TaggingError, Tagloop, User
from tagging_core.analytics import saved_views


def test_a_view_is_saved_listed_removed_and_restored(loop: Tagloop, ann: User, manager: User) -> None:
    with loop.database.write() as connection:
        view_id = saved_views.save(
            connection, manager, "  Dresses,  weekly ", page="trends", address={"tags": "garment.dress"}
        )
        saved_views.save(connection, ann, "All", page="trends", address={})
        saved_views.save(connection, ann, "All", page="people", address={})
        found = saved_views.listed(connection, ann, "trends")
        assert [view.name for view in found] == ["All", "Dresses, weekly"]
        assert (found[1].address, found[1].actor) == ({"tags": "garment.dress"}, "mo")
        saved_views.remove(connection, ann, view_id)
        assert [view.name for view in saved_views.listed(connection, ann, "trends")] == ["All"]
        saved_views.remove(connection, ann, view_id, removed=False)
        assert len(saved_views.listed(connection, ann, "trends")) == 2


@pytest.mark.parametrize(("name", "message"), [("  ", "Give the view a name"), ("ALL", "'ALL' already")])
def test_a_view_needs_a_unique_name(loop: Tagloop, ann: User, name: str, message: str) -> None:
    with loop.database.write() as connection:
        saved_views.save(connection, ann, "All", page="trends", address={})
        with pytest.raises(TaggingError, match=message):
            saved_views.save(connection, ann, name, page="trends", address={})
        with pytest.raises(TaggingError, match="no saved view 99"):
            saved_views.remove(connection, ann, 99)
