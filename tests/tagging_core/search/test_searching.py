from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.assets.repository import AssetText
from tagging_core.common.periods import Period
from tagging_core.curation import plans
from tagging_core.embeddings import vectors
from tagging_core.search import Filters, read_query
from tagging_core.search.diversity import diversify
from tagging_core.taxonomy.matching import TagNames
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest, wait_for


@pytest.fixture
def pictures(loop: Tagloop, ann: User) -> list[int]:
    """Red, green, blue and yellow, in the index."""
    found = ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
    wait_for(lambda: loop.resources.index.feeder.pending() == 0)
    return found


def accept(loop: Tagloop, user: User, asset_id: int, tag_id: str) -> None:
    loop.review.decide(user, Decision(Kind.ACCEPT, asset_id, tag_id, profile="e-commerce"))


def found(loop: Tagloop, *args: object, **options: object) -> list[int]:
    return [hit.asset_id for hit in loop.search.find(*args, **options).hits]


def test_tag_names_are_recognised_in_any_language(loop: Tagloop) -> None:
    taxonomy = loop.taxonomy()
    names = TagNames(taxonomy.active())
    query = read_query(names, taxonomy, "a photo of Red dresses near Kyoto")
    assert query.groups == (("colour.red",), ("garment.dress",))
    assert query.rest == "near Kyoto"
    assert read_query(names, taxonomy, "红色的连衣裙照片").groups == (("colour.red",), ("garment.dress",))
    assert read_query(names, taxonomy, "红色的连衣裙照片").rest == ""


def test_a_tag_includes_its_descendants(loop: Tagloop, ann: User) -> None:
    taxonomy = loop.taxonomy()
    loop.curation.apply(ann, plans.move(taxonomy, "subject.dog", "subject", parent_id="subject.animal"))
    taxonomy = loop.taxonomy()
    assert "subject.dog" in read_query(TagNames(taxonomy.active()), taxonomy, "animal").groups[0]


def test_words_the_model_understands_find_pictures(loop: Tagloop, pictures: list[int]) -> None:
    assert found(loop, "yellow whatever")[0] == pictures[3]


def test_accepted_pictures_come_first_and_rejected_ones_are_excluded(
    loop: Tagloop, ann: User, pictures: list[int]
) -> None:
    accept(loop, ann, pictures[2], "garment.dress")
    loop.review.decide(ann, Decision(Kind.REJECT, pictures[0], "garment.dress", profile="e-commerce"))
    hits = loop.search.find("dress").hits
    assert hits[0].asset_id == pictures[2]
    assert hits[0].relevance > 0.99
    assert pictures[0] not in [hit.asset_id for hit in hits]


def test_an_alias_is_searched_literally_until_its_tag_has_decisions(
    loop: Tagloop, ann: User, pictures: list[int]
) -> None:
    blue = loop.taxonomy().tags["colour.blue"]
    loop.curation.apply(ann, plans.save(loop.taxonomy(), replace(blue, aliases={"en": ["yellow stripe"]})))
    loop.model.library.settle()
    assert found(loop, "blue") == [pictures[2]]
    assert pictures[3] in found(loop, "yellow stripe")  # an alias may be narrower than its tag
    accept(loop, ann, pictures[2], "colour.blue")
    assert found(loop, "yellow stripe")[0] == pictures[2]  # but decisions come first
    assert found(loop, "blue hydrant")[:1] == [pictures[2]]


def test_results_end_where_hits_become_unlikely(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    red, green, blue, yellow = pictures
    assert found(loop, "red") == [red, yellow]
    others = Filters(batch_id=loop.ingest.collect(ann, [green, blue], "e-commerce", name="Neither red nor yellow"))
    assert found(loop, "red", filters=others) == []  # the best of what is left is still too unlikely
    assert green in found(loop, "red dress", filters=others)  # both at once are rarer, so the floor is lower
    accept(loop, ann, blue, "garment.dress")
    assert found(loop, "dress", limit=100) == [blue]  # the others are far less likely than the best


def test_examples_to_like_and_to_avoid_steer_the_search(loop: Tagloop, pictures: list[int]) -> None:
    red, green, blue, yellow = pictures
    assert found(loop, like=[red], unlike=[blue]) == [yellow, green]
    with loop.database.read() as connection:
        vector = vectors.load(connection, loop.model.library.fingerprint, [green])[green]
    assert found(loop, pictures=[vector])[0] == green
    with pytest.raises(TaggingError, match="no picture 99"):
        loop.search.find(like=[99])


def test_filters_restrict_the_results(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    accept(loop, ann, pictures[1], "garment.dress")
    loop.review.decide(ann, Decision(Kind.DONE, pictures[1], profile="e-commerce"))
    wanted = [pictures[1]]
    assert found(loop, filters=Filters(state="done")) == wanted
    assert found(loop, filters=Filters(tags=("garment.dress",))) == wanted
    assert found(loop, filters=Filters(category="garment")) == wanted
    assert found(loop, filters=Filters(profile="e-commerce", tags=("garment.dress",))) == wanted
    assert found(loop, filters=Filters(batch_id=1, state="done")) == wanted
    assert found(loop, filters=Filters(period=Period(date(2020, 1, 1), date(2020, 1, 2)))) == []
    red, green, blue, yellow = pictures
    assert found(loop, filters=Filters(state="new")) == [yellow, blue, red]
    assert found(loop, "black") == [green, red, blue]
    assert found(loop, "black", filters=Filters(state="new")) == [red, blue]
    for invalid in (
        Filters(state="lost"),
        Filters(category="lost"),
        Filters(tags=("lost",)),
        Filters(profile="lost"),
    ):
        with pytest.raises(TaggingError, match="lost"):
            loop.search.find(filters=invalid)


def test_text_is_searched_for_words_the_model_does_not_understand(
    loop: Tagloop, ann: User, pictures: list[int]
) -> None:
    loop.review.set_text(ann, pictures[0], AssetText(title="裙摆飞扬"))
    result = loop.search.find("裙摆")
    assert not result.understood
    assert [hit.asset_id for hit in result.hits] == [pictures[0]]


def test_accented_words_count_as_latin_script(loop: Tagloop, pictures: list[int]) -> None:
    assert loop.search.find("café").understood
    assert not loop.search.find("кафе").understood


def test_diversify_avoids_near_duplicates() -> None:
    near = np.eye(4, dtype=np.float32)
    asked = (near[0] + near[1] * 0.3) / np.linalg.norm(near[0] + near[1] * 0.3)
    twin = asked
    one = (near[0] + near[1]) / np.sqrt(2)
    same_as_one = one
    other = (near[0] + near[2]) / np.sqrt(2)
    rows = np.stack([asked, twin, one, same_as_one, other]).astype(np.float32)
    chosen = diversify(rows, rows, limit=3)
    assert 0 not in chosen
    assert 1 not in chosen
    assert 4 in chosen
    assert len({2, 3} & set(chosen)) == 1


def test_search_requires_the_process_that_holds_the_index(loop: Tagloop) -> None:
    with pytest.raises(TaggingError, match="Only the process that runs the worker"):
        loop.search.find("red")


def test_a_batch_can_be_made_from_search_results(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    batch = loop.ingest.collect(ann, pictures[:2], "e-commerce", name="Reds")
    again = loop.ingest.collect(ann, pictures[:2], "e-commerce", name="Reds")
    assert batch != again
    assert loop.ingest.batch(batch).total == 2
    assert set(found(loop, filters=Filters(batch_id=batch))) == set(pictures[:2])
