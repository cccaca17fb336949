from __future__ import annotations

import numpy as np
import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Role
from tagging_core.curation.proposals import Proposal, listed
from tagging_core.curation.proposals.splits import two_kinds
from tagging_core.embeddings.encoders import unit
from tagging_core.errors import NotAllowedError
from tagging_core.taxonomy.model import Tag
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest


def found(loop: Tagloop, kind: str) -> list[Proposal]:
    loop.model.library.settle()
    loop.curation.proposals.finder.search()
    with loop.database.read() as connection:
        return listed(connection, kind)


def test_two_tags_for_the_same_thing_are_proposed_as_synonyms(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, RED, RED, GREEN, BLUE)
    one = loop.curation.save(ann, Tag("", "feature", {"en": "red banner"}))
    other = loop.curation.save(ann, Tag("", "feature", {"en": "red banners"}))
    loop.review.decide(ann, Decision(Kind.ADD, pictures[0], one.id))
    loop.review.decide(ann, Decision(Kind.ADD, pictures[1], other.id))
    (proposal,) = [p for p in found(loop, "synonyms") if one.id in p.subjects]
    assert proposal.subjects == tuple(sorted((one.id, other.id)))
    assert proposal.evidence["spelled"] >= 90
    assert proposal.evidence["together"] == 0


def test_confused_tags_are_proposed_with_their_pictures(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, RED, RED, RED)
    for asset_id in pictures:
        shown = {"probability": 0.6}
        loop.review.decide(
            ann, Decision(Kind.REPLACE, asset_id, "garment.hat", "garment.dress", "e-commerce", payload=shown)
        )
    (proposal,) = found(loop, "confusion")
    assert proposal.subjects == ("garment.hat", "garment.dress")
    assert proposal.evidence["times"] == 3
    assert set(proposal.evidence["pictures"]) == set(pictures)


def test_a_probably_mislabelled_example_is_proposed(loop: Tagloop, ann: User) -> None:
    reds = ingest(loop, ann, *[RED] * 6)
    (wrong,) = ingest(loop, ann, BLUE)
    others = ingest(loop, ann, *[GREEN] * 2, *[BLUE] * 4)
    for asset_id in [*reds, wrong]:
        loop.review.decide(ann, Decision(Kind.ADD, asset_id, "colour.red"))
    for asset_id in others:
        loop.review.decide(ann, Decision(Kind.REJECT, asset_id, "colour.red"))
    proposals = [p for p in found(loop, "wrong") if p.subjects[0] == "colour.red"]
    assert proposals[0].evidence["picture"] == wrong


def test_pictures_that_fit_no_tag_are_proposed_as_a_new_tag(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, *[YELLOW] * 6)
    for asset_id in pictures:
        for suggestion in loop.review.suggest(asset_id, "general"):
            loop.review.decide(ann, Decision(Kind.REJECT, asset_id, suggestion.tag_id, profile="general"))
    loop.model.library.settle()
    for tag in list(loop.taxonomy().active()):  # tags that still fit a yellow picture
        matrix = loop.model.library.matrix()
        if tag.id in matrix.rows:
            for asset_id in pictures[:2]:
                loop.review.decide(ann, Decision(Kind.REJECT, asset_id, tag.id, profile="general"))
    proposals = found(loop, "new")
    assert sorted(proposals[0].evidence["pictures"]) == pictures
    assert proposals[0].evidence["names"]


def test_a_dismissed_proposal_stays_hidden_until_it_is_restored(loop: Tagloop, ann: User) -> None:
    for asset_id in ingest(loop, ann, RED, RED, RED):
        shown = {"probability": 0.6}
        loop.review.decide(
            ann, Decision(Kind.REPLACE, asset_id, "garment.hat", "garment.dress", "e-commerce", payload=shown)
        )
    (proposal,) = found(loop, "confusion")
    with pytest.raises(NotAllowedError):
        loop.curation.proposals.dismiss(User("ed", frozenset({Role.EDITOR})), proposal.key)
    loop.curation.proposals.dismiss(ann, proposal.key)
    assert found(loop, "confusion") == []
    loop.rebuild(ann)
    assert found(loop, "confusion") == []
    loop.curation.proposals.dismiss(ann, proposal.key, wanted=True)
    assert found(loop, "confusion") == [proposal]


def test_two_kinds_of_pictures_are_separated_and_one_kind_is_not() -> None:
    random = np.random.default_rng(0)
    centres = unit(random.normal(size=(2, 64)))
    one = unit(centres[0] + random.normal(size=(20, 64)) * 0.08)
    other = unit(centres[1] + random.normal(size=(10, 64)) * 0.08)
    second, silhouette = two_kinds(np.vstack([one, other]))
    assert silhouette > 0.3
    assert {tuple(second[:20]), tuple(second[20:])} == {(True,) * 20, (False,) * 10} or {
        tuple(second[:20]),
        tuple(second[20:]),
    } == {(False,) * 20, (True,) * 10}
    assert two_kinds(one)[1] < 0.2


def test_the_search_runs_once_per_library_revision(loop: Tagloop, ann: User) -> None:
    loop.model.library.settle()
    assert loop.curation.proposals.finder.search_if_due()
    assert not loop.curation.proposals.finder.search_if_due()


def test_a_split_is_proposed_while_a_tag_covers_two_kinds_of_pictures(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, *[RED] * 8, *[BLUE] * 8)
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, "garment.hat", profile="e-commerce") for a in pictures])
    (proposal,) = found(loop, "split")
    assert proposal.subjects == ("garment.hat",)
    assert sorted(map(sorted, proposal.evidence["parts"])) == [pictures[:8], pictures[8:]]
    loop.review.decide_many(
        ann, [Decision(Kind.REJECT, a, "garment.hat", profile="e-commerce") for a in pictures[8:]]
    )
    assert found(loop, "split") == []
