"""Searches for tags that begin with classifiers learned before delivery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tagging_core import Tagloop, User
from tagging_core.embeddings import vectors
from tagging_core.learning.classifier import TagModel, TagPrior
from tagging_core.learning.learned_starter import LearnedStarter
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest, wait_for

Learn = Callable[..., list[int]]
MANY = 1_000_000  # photos of a starter that leave nothing to the words


@pytest.fixture
def learn(loop: Tagloop, ann: User) -> Learn:
    """Learn before delivery how likely a tag is on red, green, blue and yellow; return the ids of such pictures."""

    def learn(wanted: dict[str, list[float]], photos: int = MANY) -> list[int]:
        pictures = ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
        with loop.database.read() as connection:
            pack = loop.model.library.pack(connection)
            found = vectors.load(connection, loop.model.library.pictures, pictures)
        inverse = np.linalg.pinv(pack.centre(np.stack([found[asset_id] for asset_id in pictures])))
        priors = {}
        for tag_id, chances in wanted.items():
            odds = np.array(chances) / (1 - np.array(chances))
            priors[tag_id] = TagPrior(TagModel((inverse @ np.log(odds)).astype(np.float32), 0.0))
        starter = LearnedStarter(loop.model.fingerprint, photos, pack.mean, priors, {})
        loop.models.starter.adopt(ann, starter.to_bytes())
        loop.model.library.settle()
        wait_for(lambda: loop.resources.index.feeder.pending() == 0)
        return pictures

    return learn


def test_what_a_tag_learned_counts_more_than_its_name(loop: Tagloop, learn: Learn) -> None:
    blue = learn({"colour.yellow": [0.02, 0.02, 0.7, 0.02]}, photos=600)[2]
    assert loop.search.find("yellow").hits[0].asset_id == blue


def test_what_few_photos_taught_counts_less_than_the_name(loop: Tagloop, learn: Learn) -> None:
    yellow = learn({"colour.yellow": [0.02, 0.02, 0.7, 0.02]}, photos=10)[3]
    assert loop.search.find("yellow").hits[0].asset_id == yellow


def test_both_tags_are_needed(loop: Tagloop, learn: Learn) -> None:
    red, green, blue, yellow = learn(
        {"colour.red": [0.9, 0.05, 0.9, 0.5], "scene.beach": [0.9, 0.9, 0.05, 0.5]},
    )
    hits = loop.search.find("red beach").hits
    assert [hit.asset_id for hit in hits] in ([red, yellow, green, blue], [red, yellow, blue, green])
    assert hits[0].relevance == pytest.approx(0.81, abs=0.01)
    assert hits[1].relevance == pytest.approx(0.25, abs=0.01)


def test_the_list_of_two_tags_reaches_further_below_the_best_hit(loop: Tagloop, learn: Learn) -> None:
    red, _, blue, _ = learn(
        {"colour.red": [0.99, 0.001, 0.05, 0.001], "scene.beach": [0.99, 0.99, 0.99, 0.99]},
    )
    assert [hit.asset_id for hit in loop.search.find("red").hits] == [red]  # blue is 20 times less likely
    assert [hit.asset_id for hit in loop.search.find("red beach").hits] == [red, blue]


def test_without_a_likely_hit_the_list_is_of_the_closest(loop: Tagloop, learn: Learn) -> None:
    red, green, blue, yellow = learn(
        {"colour.red": [0.1, 0.05, 0.05, 0.001], "scene.beach": [0.99, 0.7, 0.4, 0.9], "colour.blue": [0.2] * 4},
    )
    found = loop.search.find("red beach")
    assert [hit.asset_id for hit in found.hits] == [red, green, blue]
    assert not found.likely
    assert loop.search.find("blue").likely
    assert not loop.search.find("red", unlike=[red, green, blue, yellow]).likely  # nothing is found at all
