from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.api import Operations
from tagging_core.assets.repository import AssetText
from tagging_core.publishing.caption_templates import PHRASING, Description, phrase
from tagging_core.taxonomy.starter_file import read_taxonomy
from tests.conftest import RED, ingest

STARTER = read_taxonomy()


def describe(*tag_ids: str, language: str = "en", text: AssetText = AssetText()) -> Description:  # noqa: B008
    return phrase([STARTER.tags[t] for t in tag_ids], language, text)


def test_tags_become_sentences() -> None:
    found = describe(
        "garment.dress", "colour.red", "feature.striped", "audience.women", "scene.beach", "mood.joyful"
    )
    assert found.title == "Red striped dress for women"
    assert found.caption == "A red striped dress on a beach, for women. The mood is joyful."
    assert found.alt == "A red striped dress on a beach, for women."
    assert describe("subject.person", "garment.shirt", "colour.white").alt == "A person wearing a white shirt."
    assert describe("garment.pants", "material.denim").title == "Denim trousers"
    found = describe(
        "garment.shirt", "colour.black", "colour.white", "feature.checked", "audience.men", "season.summer"
    )
    assert found.alt == "A black and white checked shirt for men and for summer."
    assert describe("garment.dress", "colour.black", "feature.plain").title == "Plain black dress"
    assert describe("garment.shirt", "colour.black", "colour.white", language="zh").alt == "黑色和白色衬衫。"
    assert describe("garment.dress", "colour.red", language="zh").caption == "红色连衣裙。"


def test_supplied_text_is_used_verbatim() -> None:
    found = describe("garment.dress", text=AssetText(title="Summer sale", caption="All dresses at half price"))
    assert (found.title, found.caption, found.alt) == ("Summer sale", "All dresses at half price", "A dress.")
    assert describe() == Description("en")


def test_an_unsupported_language_is_refused() -> None:
    with pytest.raises(TaggingError, match="'fr'"):
        describe("garment.dress", language="fr")


def test_every_phrase_belongs_to_a_tag_of_the_starter_library() -> None:
    frames = yaml.safe_load(PHRASING.read_text("utf-8"))
    assert frames.keys() <= STARTER.categories.keys()
    named = {t for f in frames.values() for t in [*f.get("tags", {}), *f.get("quality", {})]}
    assert named <= STARTER.tags.keys()


@given(st.lists(st.sampled_from(sorted(STARTER.tags)), min_size=1, max_size=9, unique=True))
def test_any_combination_of_tags_makes_one_sentence(tag_ids: list[str]) -> None:
    found = describe(*tag_ids)
    if found.alt:
        assert found.alt[0].isupper() or found.alt[0].isdigit()
        assert found.alt.endswith(".")
        assert found.alt.count(".") == 1
        assert not re.search(r"  | ,|,,|\ba [aeiou]|\ban [^aeiou]", found.alt)
        assert "." not in found.title


def test_written_fields_are_kept_and_the_rest_follows_the_tags(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset, "garment.pants", profile="e-commerce"))
    # A form submits every field; one that equals the generated text does not count as written.
    loop.captions.write(ann, asset, Description("en", title="My own title", alt="Trousers."))
    loop.review.decide(ann, Decision(Kind.REPLACE, asset, "garment.pants", "garment.dress", profile="e-commerce"))
    calls = Operations(loop, ann)
    found = calls.assets.get(asset).description
    assert (found.title, found.alt, found.written) == ("My own title", "A dress.", ["title"])
    loop.rebuild(ann)
    assert calls.assets.get(asset).description == found
    loop.captions.write(ann, asset, Description("en"))
    assert calls.assets.get(asset).description.title == "Dress"
