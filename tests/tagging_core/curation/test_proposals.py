"""Editors propose missing tags, which are suggested once an owner approves them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Role
from tagging_core.errors import NotAllowedError, TagError
from tagging_core.review import decisions
from tagging_core.taxonomy import TagFinder
from tagging_core.taxonomy.model import Tag
from tests.conftest import RED, ingest


@pytest.fixture
def editor() -> User:
    return User("Eve", frozenset({Role.EDITOR}))


def propose(loop: Tagloop, user: User, asset: int, name: str = "Cape") -> Tag:
    proposed = loop.curation.propose(user, Tag("", "garment", {"en": name}))
    loop.review.decide(user, Decision(Kind.ADD, asset, proposed.id, profile="e-commerce"))
    return proposed


def test_a_proposed_tag_labels_its_picture_but_is_not_suggested(loop: Tagloop, ann: User, editor: User) -> None:
    first, alike = ingest(loop, ann, RED, RED)
    proposed = propose(loop, editor, first)
    assert proposed.state == "proposed"
    with loop.database.read() as connection:
        assert decisions.labels_of(connection, first)[proposed.id].value == 1
        assert TagFinder(loop.model.library.taxonomies.load(connection)).find("cape")[0].tag == proposed
    loop.model.library.settle()
    assert proposed.id not in loop.model.library.matrix().rows
    assert proposed.id not in {s.tag_id for s in loop.review.suggest(alike, "e-commerce")}


def test_an_approved_tag_is_fitted_to_its_pictures_and_suggested(loop: Tagloop, ann: User, editor: User) -> None:
    first, alike = ingest(loop, ann, RED, RED)
    proposed = propose(loop, editor, first)
    with pytest.raises(NotAllowedError):
        loop.curation.save(editor, replace(proposed, state="active"))
    loop.curation.save(ann, replace(proposed, state="active"))
    loop.model.library.settle()
    assert proposed.id in {s.tag_id for s in loop.review.suggest(alike, "e-commerce")}


def test_a_name_can_be_proposed_only_once(loop: Tagloop, ann: User, editor: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    propose(loop, editor, asset)
    for taken in ("cape", "Dress"):
        with pytest.raises(TagError, match="already a name"):
            propose(loop, editor, asset, taken)
