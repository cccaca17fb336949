from __future__ import annotations

import pytest

from tagging_core import TaggingError, Tagloop, User
from tagging_core.insights import views


def test_a_view_is_kept_found_removed_and_brought_back(loop: Tagloop, ann: User, manager: User) -> None:
    with loop.database.write() as connection:
        view_id = views.save(connection, manager, "  Dresses,  weekly ", "trends", {"tags": "garment.dress"})
        views.save(connection, ann, "All", "trends", {})
        views.save(connection, ann, "All", "people", {})
        found = views.listed(connection, ann, "trends")
        assert [view.name for view in found] == ["All", "Dresses, weekly"]
        assert (found[1].address, found[1].actor) == ({"tags": "garment.dress"}, "mo")
        views.remove(connection, ann, view_id)
        assert [view.name for view in views.listed(connection, ann, "trends")] == ["All"]
        views.remove(connection, ann, view_id, removed=False)
        assert len(views.listed(connection, ann, "trends")) == 2


@pytest.mark.parametrize(("name", "said"), [("  ", "Give the view a name"), ("ALL", "'ALL' already")])
def test_a_view_needs_a_name_of_its_own(loop: Tagloop, ann: User, name: str, said: str) -> None:
    with loop.database.write() as connection:
        views.save(connection, ann, "All", "trends", {})
        with pytest.raises(TaggingError, match=said):
            views.save(connection, ann, name, "trends", {})
        with pytest.raises(TaggingError, match="no saved view 99"):
            views.remove(connection, ann, 99)
