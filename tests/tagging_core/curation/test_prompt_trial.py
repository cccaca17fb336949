from __future__ import annotations

from dataclasses import replace

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.taxonomy.model import Tag
from tests.conftest import BLUE, GREEN, RED, ingest


def test_a_prompt_is_tried_on_pictures_before_it_is_saved(loop: Tagloop, ann: User) -> None:
    red, green, _ = ingest(loop, ann, RED, GREEN, BLUE)
    before = loop.taxonomy()
    trial = loop.curation.try_tag(replace(before.tags["colour.red"], prompts=["green"]))
    assert [m.asset_id for m in trial.gains] == [green]
    assert [m.asset_id for m in trial.loses] == [red]
    assert trial.looked_at == 3
    assert loop.taxonomy() is before


def test_a_new_tag_can_be_tried_before_it_is_saved(loop: Tagloop, ann: User) -> None:
    red, *_ = ingest(loop, ann, RED, GREEN, BLUE)
    trial = loop.curation.try_tag(Tag("", "feature", {"en": "Fire"}, prompts=["red"]))
    assert trial.gains[0].asset_id == red
    assert trial.loses == []


def test_decided_pictures_are_excluded_from_a_trial(loop: Tagloop, ann: User) -> None:
    red, green = ingest(loop, ann, RED, GREEN)
    loop.review.decide(ann, Decision(Kind.ADD, red, "colour.red"))
    loop.model.library.settle()
    assert loop.curation.try_tag(loop.taxonomy().tags["colour.red"]).looked_at == 1
    assert red not in {a for a, _ in loop.curation.likely("colour.red")}
    assert loop.curation.likely("garment.nothing") == []
    assert green


def test_a_prompt_for_one_model_affects_only_that_model(loop: Tagloop, ann: User) -> None:
    red, green = ingest(loop, ann, RED, GREEN)
    tag = loop.taxonomy().tags["colour.red"]
    assert not loop.curation.try_tag(replace(tag, own_prompts={"clip": ["green"]})).gains
    loop.curation.save(ann, replace(tag, own_prompts={"tiny": ["green"]}))
    loop.model.library.settle()
    assert "colour.red" in {s.tag_id for s in loop.review.suggest(green, "e-commerce")}
    assert "colour.red" not in {s.tag_id for s in loop.review.suggest(red, "e-commerce")}
