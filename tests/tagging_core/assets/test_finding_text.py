"""Texts and file names are found whatever their case, and however their accents are composed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagging_core import Tagloop, User
from tagging_core.assets.repository import AssetText, words_of
from tagging_core.common.folding import fold
from tagging_core.search import read_query
from tagging_core.taxonomy.matching import TagNames
from tests.conftest import examples, photo, wait_for

FORMS = ("NFC", "NFD")
TEXTS = ["Café am Zürichsee", "가방과 모자", "Señora Ibáñez", "ガラス", "Straße nach Łódź", "Hà Nội", "ΌΔΟΣ"]
NAMES = ["Übergröße.jpg", "Señora 2.jpg", "한글 이름.png", "ĐÀ NẴNG.webp", "STRASSE.jpg", "100%_sure.jpg"]


def upload(loop: Tagloop, user: User, pictures: list[tuple[str, str]]) -> None:
    """Ingest pictures with these names and captions."""
    files = [(name, photo((20 * n % 256, 90 + 7 * n, 10 + 9 * n))) for n, (name, _) in enumerate(pictures)]
    batch = loop.ingest.upload(user, files, "e-commerce")
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    for asset, (_, text) in zip(range(1, len(pictures) + 1), pictures, strict=True):
        if text:
            loop.review.set_text(user, asset, AssetText(caption=text))


def found(loop: Tagloop, query: str) -> list[str]:
    return [unicodedata.normalize("NFC", asset.name) for asset in loop.assets.find(query, 50)]


@pytest.mark.parametrize("stored", FORMS)
def test_a_text_is_found_in_every_form_and_case(loop: Tagloop, ann: User, stored: str) -> None:
    upload(loop, ann, [(f"{n}.jpg", unicodedata.normalize(stored, text)) for n, text in enumerate(TEXTS)])
    for n, text in enumerate(TEXTS):
        for word in text.split():
            for form in FORMS:
                for query in (word, word.upper(), word.lower(), word.casefold()):
                    assert found(loop, unicodedata.normalize(form, query)) == [f"{n}.jpg"], query


@pytest.mark.parametrize("stored", FORMS)
def test_a_file_name_is_found_in_every_form_and_case(loop: Tagloop, ann: User, stored: str) -> None:
    upload(loop, ann, [(unicodedata.normalize(stored, name), "") for name in NAMES])
    for name in NAMES:
        stem = name.partition(".")[0]
        for form in FORMS:
            for query in (stem, stem.upper(), stem.lower(), stem[1:-1], name):
                assert name in found(loop, unicodedata.normalize(form, query)), query
    assert found(loop, "%") == ["100%_sure.jpg"]
    assert found(loop, "straße") == ["STRASSE.jpg"]


def test_a_tag_is_named_in_every_form(loop: Tagloop) -> None:
    taxonomy = loop.taxonomy()
    (tag,) = [t for t in taxonomy.active() if t.id == "garment.dress"]
    for stored in FORMS:
        named = TagNames([_with_name(tag, unicodedata.normalize(stored, "Señora Dress"))])
        for form in FORMS:
            query = read_query(named, taxonomy, unicodedata.normalize(form, "SEÑORA DRESS am Café"))
            assert query.groups == (("garment.dress",),)
            assert query.rest == "am Café"


def _with_name(tag: object, name: str) -> object:
    from dataclasses import replace

    return replace(tag, names={"en": name}, aliases={})  # type: ignore[type-var]


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_folding_hides_composition_and_case(text: str) -> None:
    forms = {fold(unicodedata.normalize(form, text)) for form in FORMS}
    assert forms == {fold(fold(text))}
    assert list(words_of(unicodedata.normalize("NFD", text))) == list(words_of(text))
