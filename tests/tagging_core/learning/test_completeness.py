"""A tag that Done left out is a no only as far as its category was looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.learning.classifier import ReferencePack, TagModel, TagPrior
from tagging_core.learning.completeness import looked_at, presence
from tagging_core.learning.training_set import IMPLICIT_WEIGHT, TrainingSetSampler
from tagging_core.storage.schema import dirty
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest

GARMENT, OTHER_GARMENT, COLOUR, OTHER_COLOUR = "garment.dress", "garment.hat", "colour.red", "colour.blue"
PRESENT = st.lists(st.floats(0, 1), min_size=1, max_size=100).map(np.array)


@given(present=PRESENT, decided=st.integers(0, 100))
def test_looking_is_a_probability_that_falls_where_a_tag_surely_applies(present: np.ndarray, decided: int) -> None:
    share = looked_at(decided, present)
    assert ((share >= 0) & (share <= 1)).all()
    order = np.argsort(present)
    assert (np.diff(share[order]) <= 1e-12).all()


@given(present=PRESENT)
def test_nothing_is_lost_where_people_decide_as_often_as_expected(present: np.ndarray) -> None:
    assert (looked_at(len(present), present) == 1).all()


@given(n=st.integers(1, 100), share=st.floats(0.3, 1))
def test_left_out_tags_of_an_ignored_category_weigh_as_much_as_a_few_pictures(n: int, share: float) -> None:
    assert looked_at(0, np.full(n, share)).sum() <= 1 / share


def weights(loop: Tagloop, tag_id: str) -> dict[int, float]:
    taxonomy, library = loop.taxonomy(), loop.model.library
    with loop.database.read() as connection:
        sampler = TrainingSetSampler(connection, taxonomy, library.pictures, pack=library.pack(connection))
        return {example.asset_id: example.weight for example in sampler.of(taxonomy.tags[tag_id])[0]}


def finish_with_garments_only(loop: Tagloop, ann: User) -> list[int]:
    assets = ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
    for asset in assets:
        loop.review.decide(ann, Decision(Kind.ACCEPT, asset, GARMENT, profile="e-commerce"))
        loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    loop.model.library.settle()
    return assets


def test_a_category_without_decisions_teaches_less_than_one_with_them(loop: Tagloop, ann: User) -> None:
    assets = finish_with_garments_only(loop, ann)
    assert set(weights(loop, OTHER_GARMENT)) == set(weights(loop, COLOUR)) == set(assets)
    assert set(weights(loop, OTHER_GARMENT).values()) == {1.0}  # rivals of the accepted garment
    assert max(weights(loop, COLOUR).values()) < IMPLICIT_WEIGHT


def test_one_decision_in_a_category_shows_that_it_was_looked_at_on_this_picture(loop: Tagloop, ann: User) -> None:
    first, second, *_ = finish_with_garments_only(loop, ann)
    before = weights(loop, OTHER_COLOUR)
    loop.review.decide(ann, Decision(Kind.ADD, first, COLOUR, profile="e-commerce"))
    after = weights(loop, OTHER_COLOUR)
    assert after[first] == IMPLICIT_WEIGHT
    assert before[second] < after[second]


@pytest.mark.parametrize("undone", [False, True])
def test_a_late_decision_refits_the_tags_of_its_category(loop: Tagloop, ann: User, undone: bool) -> None:
    first, *_ = finish_with_garments_only(loop, ann)
    late = loop.review.decide(ann, Decision(Kind.ADD, first, COLOUR, profile="e-commerce"))
    if undone:
        loop.model.library.settle()
        loop.review.undo(ann, late)
    with loop.database.read() as connection:
        marked = set(connection.execute(select(dirty.c.tag_id)).scalars())
    assert OTHER_COLOUR in marked
    assert OTHER_GARMENT not in marked


def test_a_category_that_rarely_applies_is_expected_rarely(loop: Tagloop) -> None:
    taxonomy, dimension = loop.taxonomy(), loop.model.preset.dimension
    pictures = np.eye(10, dimension, dtype=np.float32)

    def present(bias: float) -> np.ndarray:
        model = TagModel(np.zeros(dimension, np.float32), bias)
        pack = ReferencePack(1, np.zeros(dimension, np.float32), 1.0, 0.1, {COLOUR: TagPrior(model, photos=5)})
        return presence(pictures, taxonomy.categories["colour"], taxonomy, pack=pack)

    assert (present(-4) < 0.05).all()
    assert (present(4) > 0.95).all()
