"""A picture that somebody has open belongs to them, and other people's decisions to them or an administrator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.assets.repository import AssetText
from tagging_core.common.users import Role
from tagging_core.errors import LeasedError, NotAllowedError
from tagging_core.publishing.captions import Description
from tagging_core.review import leases
from tests.conftest import RED, ingest

ANN, BOB, OWNER = (
    User(name, frozenset({Role(role)})) for name, role in (("ann", "editor"), ("bob", "editor"), ("olga", "owner"))
)
ADMIN = User("root", frozenset({Role.ADMIN}))


@pytest.fixture
def asset(loop: Tagloop, ann: User) -> int:
    return ingest(loop, ann, RED)[0]


def add(loop: Tagloop, user: User, asset: int) -> tuple[int, str]:
    """Let a user decide; returns the ids of the event and of its group."""
    group = loop.review.decide_many(user, [Decision(Kind.ADD, asset, "garment.dress", profile="e-commerce")])
    return group.event_ids[0], group.id


ACTS: dict[str, Callable[[Tagloop, User, int, tuple[int, str]], object]] = {
    "a decision": lambda loop, user, asset, _: loop.review.decide(
        user, Decision(Kind.REJECT, asset, "garment.dress", profile="e-commerce")
    ),
    "an undo": lambda loop, user, _, decided: loop.review.undo(user, decided[0]),
    "the undo of a group": lambda loop, user, _, decided: loop.review.undo_group(user, decided[1]),
    "a text": lambda loop, user, asset, _: loop.review.set_text(user, asset, AssetText("A title")),
    "a description": lambda loop, user, asset, _: loop.captions.write(
        user, asset, Description("en", "A title", "A caption", "An alt text")
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_no_act_passes_a_lease(loop: Tagloop, asset: int, act: str) -> None:
    decided = add(loop, BOB, asset)
    with loop.database.write() as connection:
        leases.take(connection, ANN, [asset])
    before = loop.assets.history(asset), loop.assets.get(asset).text
    with pytest.raises(LeasedError, match="ann has had picture"):
        ACTS[act](loop, BOB, asset, decided)
    assert (loop.assets.history(asset), loop.assets.get(asset).text) == before
    with loop.database.write() as connection:
        leases.release(connection, ANN, [asset])
    ACTS[act](loop, BOB, asset, decided)


@pytest.mark.parametrize("undo", ["an undo", "the undo of a group"])
@pytest.mark.parametrize("user", [BOB, OWNER], ids=["editor", "owner"])
def test_only_an_administrator_undoes_decisions_of_others(loop: Tagloop, asset: int, user: User, undo: str) -> None:
    decided = add(loop, ANN, asset)
    with pytest.raises(NotAllowedError, match="may not run the system"):
        ACTS[undo](loop, user, asset, decided)
    assert [event.kind for event, _ in loop.assets.history(asset)] == [Kind.ADD]
    ACTS[undo](loop, ADMIN, asset, decided)


def test_an_undo_of_somebody_else_is_not_undone_either(loop: Tagloop, asset: int) -> None:
    event, _ = add(loop, ANN, asset)
    undone = loop.review.undo(ADMIN, event)
    with pytest.raises(NotAllowedError, match="may not run the system"):
        loop.review.undo(BOB, undone)
