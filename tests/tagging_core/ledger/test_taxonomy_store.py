from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.curation import validation
from tagging_core.errors import NotFoundError, TagError
from tagging_core.ledger import taxonomy_store
from tagging_core.taxonomy.model import LANGUAGES, Tag, make_taxonomy
from tagging_core.taxonomy.starter_file import STARTER, read_taxonomy, with_known_synonyms
from tests.conftest import RED, ingest


def test_the_starter_taxonomy_is_complete() -> None:
    starter = read_taxonomy()
    assert 180 <= len(starter.tags) <= 260
    assert set(starter.profiles) == {"general", "e-commerce", "news", "social", "travel", "marketing"}
    assert starter.categories["garment"].exclusive
    for tag in starter.tags.values():
        assert set(LANGUAGES) <= set(tag.names), tag.id
        assert tag.definition, tag.id
        assert tag.prompts, tag.id
    validation.check(starter, starter.tags, list(starter.categories.values()))  # no two tags share a name
    for profile in starter.profiles.values():
        assert set(profile.categories) <= set(starter.categories)
        assert profile.instruction
        assert all(template.count("{}") == 1 for template in profile.templates)


def test_a_new_tag_is_suggested_as_soon_as_it_is_fitted(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    saved = loop.curation.save(ann, Tag("", "feature", {"en": "  Fire   red ", "zh": "火红"}, prompts=["red"]))
    assert (saved.id, saved.names["en"]) == ("feature.fire-red", "Fire red")
    loop.model.library.settle()
    assert "feature.fire-red" in {s.tag_id for s in loop.review.suggest(asset_id, "e-commerce")}


def test_an_edited_tag_keeps_its_id_and_examples(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ACCEPT, asset_id, "garment.dress", profile="e-commerce"))
    dress = loop.taxonomy().tags["garment.dress"]
    loop.curation.save(ann, replace(dress, names={"en": "Gown dress", "zh": "礼服裙"}))
    assert loop.taxonomy().tags["garment.dress"].name("zh") == "礼服裙"
    with loop.database.read() as connection:
        assert taxonomy_store.counts(connection)["garment.dress"] == (1, 0)
        assert taxonomy_store.examples(connection, "garment.dress") == [asset_id]


def test_a_deprecated_tag_is_no_longer_suggested(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    assert "colour.red" in {s.tag_id for s in loop.review.suggest(asset_id, "e-commerce")}
    loop.curation.save(ann, replace(loop.taxonomy().tags["colour.red"], state="deprecated"))
    assert "colour.red" not in {s.tag_id for s in loop.review.suggest(asset_id, "e-commerce")}


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (Tag("", "nowhere", {"en": "X"}), "no category 'nowhere'"),
        (Tag("", "scene", {"zh": "只有中文"}), "needs an English name"),
        (Tag("", "garment", {"en": "DRESS"}), "already a name of the tag 'Dress'"),
        (Tag("", "garment", {"en": "New", "zh": "连衣裙"}), "already a name"),
        (Tag("", "garment", {"en": "Ｄｒéss"}), "already a name"),
        (Tag("", "scene", {"en": "x" * 81}), "1 to 80"),
        (Tag("", "scene", {"en": "a\x07b"}), "1 to 80"),
    ],
)
def test_an_invalid_or_ambiguous_tag_is_refused(loop: Tagloop, ann: User, tag: Tag, message: str) -> None:
    with pytest.raises(TagError, match=message):
        loop.curation.save(ann, tag)


def test_reusing_the_name_of_a_deprecated_tag_gives_a_new_id(loop: Tagloop, ann: User) -> None:
    first = loop.curation.save(ann, Tag("", "scene", {"en": "Harbour view"}))
    loop.curation.save(ann, replace(first, state="deprecated"))
    assert loop.curation.save(ann, Tag("", "scene", {"en": "Harbour view"})).id == "scene.harbour-view-2"


@pytest.mark.parametrize(
    ("typed", "found"),
    [("dress", "garment.dress"), ("连衣", "garment.dress"), ("DRES", "garment.dress"), ("drss", "garment.dress")],
)
def test_a_tag_is_found_by_any_name_despite_a_typo(loop: Tagloop, typed: str, found: str) -> None:
    assert found in [hit.tag.id for hit in loop.curation.tag_finder().find(typed, limit=5)]
    assert loop.curation.tag_finder().find("") == []


def test_new_tags_get_the_synonyms_of_the_starter_library() -> None:
    starter = read_taxonomy()
    known = with_known_synonyms(Tag("", "scene", {"en": "t shirt"}), starter)
    assert known.prompts == starter.tags["garment.t-shirt"].prompts
    assert with_known_synonyms(Tag("", "scene", {"en": "zebra crossing"}), starter).prompts == []
    own = Tag("", "scene", {"en": "dress"}, prompts=["mine"])
    assert with_known_synonyms(own, starter) is own


def test_merged_tags_resolve_and_unknown_ones_do_not(loop: Tagloop) -> None:
    taxonomy = loop.taxonomy()
    merged = replace(taxonomy.tags["garment.hat"], state="merged", merged_into="garment.dress")
    changed = make_taxonomy(
        0, taxonomy.categories, {**taxonomy.tags, "garment.hat": merged}, profiles=taxonomy.profiles
    )
    assert changed.tag("garment.hat").id == "garment.dress"
    with pytest.raises(NotFoundError, match="no tag 'x'"):
        changed.tag("x")


def test_an_invalid_taxonomy_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("categories: 3")
    for path in (tmp_path / "x.yaml", tmp_path / "nothing.yaml"):
        with pytest.raises(TagError, match="is not a valid taxonomy file"):
            read_taxonomy(path)
    assert STARTER.is_file()


def test_the_taxonomy_can_be_rebuilt_from_the_ledger(loop: Tagloop, ann: User) -> None:
    loop.curation.save(ann, replace(loop.taxonomy().tags["garment.dress"], names={"en": "Gown dress"}))
    before = loop.taxonomy()
    with loop.database.write() as connection:
        connection.exec_driver_sql("delete from tags")
    loop.rebuild(ann)
    assert loop.taxonomy().tags == before.tags
