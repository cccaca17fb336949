"""A card lists the likeliest tags of each exclusive category until one of them is accepted."""

from __future__ import annotations

import numpy as np
import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.learning.exclusive_choices import Choices
from tagging_core.review.sampling import SamplingRates
from tests.conftest import BLUE, GREEN, RED, ingest

PROFILE = "e-commerce"


def choices(loop: Tagloop, ann: User, asset: int, category: str = "garment") -> Choices | None:
    return loop.review.card(ann, asset, PROFILE).choices.get(category)


def test_the_three_likeliest_are_listed_whatever_their_probability(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    card = loop.review.card(ann, red, PROFILE)
    assert set(card.choices) == {"shot", "product", "garment"}
    for category, found in card.choices.items():
        probabilities = [p for _, p in found.tags]
        assert len(found.tags) == 3
        assert {loop.taxonomy().tags[tag_id].category_id for tag_id, _ in found.tags} == {category}
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 <= found.nothing <= 1 - sum(probabilities) + 1e-9


def test_the_numbers_are_those_of_the_suggestions(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    card = loop.review.card(ann, red, PROFILE)
    listed = {tag_id: p for found in card.choices.values() for tag_id, p in found.tags}
    assert {s.tag_id: s.probability for s in card.suggestions if s.tag_id in listed}.items() <= listed.items()


def test_an_accepted_tag_closes_its_category_until_it_is_undone(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    event = loop.review.decide(ann, Decision(Kind.ADD, red, "garment.hat", profile=PROFILE))
    assert choices(loop, ann, red) is None
    assert choices(loop, ann, red, "product") is not None
    loop.review.undo(ann, event)
    assert choices(loop, ann, red) is not None


def test_a_rejected_tag_gives_way_to_the_next(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    before = choices(loop, ann, red)
    assert before is not None
    loop.review.decide(ann, Decision(Kind.REJECT, red, before.tags[0][0], profile=PROFILE))
    after = choices(loop, ann, red)
    assert after is not None
    assert before.tags[0][0] not in dict(after.tags)
    assert len(after.tags) == 3


def test_the_blind_sample_lists_nothing(loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    (red,) = ingest(loop, ann, RED)
    monkeypatch.setattr(SamplingRates, "is_blind", lambda *_: True)
    assert loop.review.card(ann, red, PROFILE).choices == {}


def test_coverage_is_said_once_there_is_enough_history(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, *[RED, GREEN] * 12, BLUE)
    for n, asset in enumerate(pictures[:24]):
        tag = "garment.dress" if n % 2 == 0 else "garment.hat"
        loop.review.decide(ann, Decision(Kind.ADD, asset, tag, profile=PROFILE))
        loop.review.decide(ann, Decision(Kind.DONE, asset, profile=PROFILE))
        if n == 10:
            loop.model.library.settle()
            early = choices(loop, ann, pictures[-1])
            assert early is not None
            assert early.covered is None
    loop.model.library.settle()
    late = choices(loop, ann, pictures[-1])
    assert late is not None
    assert late.covered == pytest.approx(24 / 25)  # two tags alternate, so the right one is always among three
    assert np.isclose(sum(p for _, p in late.tags) + late.nothing, 1, atol=0.2)
