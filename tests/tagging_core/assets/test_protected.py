from __future__ import annotations

import pytest

from tagging_core import Tagloop, User
from tagging_core.assets import protected
from tagging_core.common.users import Role
from tagging_core.errors import NotAllowedError
from tests.conftest import GREEN, RED, ingest, photo, wait_for


def upload(loop: Tagloop, user: User, data: bytes) -> None:
    batch = loop.ingest.upload(user, [("copy.png", data)], "general")
    wait_for(lambda: loop.ingest.batch(batch).state == "done")


def test_ingesting_a_copy_of_a_protected_picture_raises_an_alert(loop: Tagloop, ann: User) -> None:
    red, _ = ingest(loop, ann, RED, GREEN)
    loop.curation.protected.protect(ann, [red], "Agency X")
    upload(loop, ann, photo(RED, (300, 200), "PNG"))
    with loop.database.read() as connection:
        (alert,) = protected.open_alerts(connection)
    assert (alert.protected_id, alert.note) == (red, "Agency X")
    assert alert.cosine >= protected.CUT


def test_a_different_picture_raises_no_alert(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    loop.curation.protected.protect(ann, [red])
    upload(loop, ann, photo(GREEN, (300, 200)))
    with loop.database.read() as connection:
        assert protected.count_alerts(connection) == 0


def test_dismissed_alerts_and_protected_pictures_survive_a_rebuild(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    loop.curation.protected.protect(ann, [red], "Agency X")
    upload(loop, ann, photo(RED, (300, 200), "PNG"))
    with loop.database.read() as connection:
        (alert,) = protected.open_alerts(connection)
    loop.curation.proposals.dismiss(ann, alert.key)
    loop.rebuild(ann)
    with loop.database.read() as connection:
        assert protected.count_alerts(connection) == 0
        assert protected.listed(connection) == {red: "Agency X"}
    loop.curation.protected.protect(ann, [red], on=False)
    with loop.database.read() as connection:
        assert protected.listed(connection) == {}


def test_only_owners_can_protect_pictures(loop: Tagloop, ann: User) -> None:
    with pytest.raises(NotAllowedError):
        loop.curation.protected.protect(User("ed", frozenset({Role.EDITOR})), [1])
