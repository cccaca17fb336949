"""Finding the tag that another program's file names."""

from __future__ import annotations

import pytest

from tagging_core.errors import NotFoundError
from tagging_core.taxonomy.model import Category, Tag, make_taxonomy
from tagging_core.taxonomy.tag_lookup import TagLookup


@pytest.fixture
def lookup() -> TagLookup:
    categories = [Category("garment", {"en": "Garment type"}), Category("colour", {"en": "Colour", "de": "Farbe"})]
    tags = [
        Tag("garment.top", "garment", {"en": "Top", "de": "Oberteil"}, {"en": ["shirt"]}),
        Tag("garment.orange", "garment", {"en": "Orange"}, parent_id="garment.top"),
        Tag("colour.orange", "colour", {"en": "Orange"}),
        Tag("garment.old", "garment", {"en": "Toga"}, state="deprecated"),
        Tag("garment.tee", "garment", {"en": "Tee"}, state="merged", merged_into="garment.top"),
    ]
    return TagLookup(make_taxonomy(1, {c.id: c for c in categories}, {t.id: t for t in tags}, profiles={}))


@pytest.mark.parametrize(
    ("name", "path", "tag_id"),
    [
        ("garment.top", [], "garment.top"),
        ("garment.tee", [], "garment.top"),
        ("oberteil", [], "garment.top"),
        ("SHÍRT", [], "garment.top"),
        ("Orange", ["farbe"], "colour.orange"),
        ("Orange", ["All", "Garment type", "Top"], "garment.orange"),
        ("Orange", ["garment.top"], "garment.orange"),
        ("Top", ["Something else"], "garment.top"),
    ],
)
def test_a_tag_is_found_by_id_name_or_alias(lookup: TagLookup, name: str, path: list[str], tag_id: str) -> None:
    assert lookup.find(name, path).id == tag_id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Kilt", "There is no tag 'Kilt'"),
        ("Toga", "There is no tag 'Toga'"),
        ("", "There is no tag ''"),
        ("Orange", "names several tags: garment.orange, colour.orange. Use an id"),
    ],
)
def test_an_unknown_or_ambiguous_name_is_refused(lookup: TagLookup, name: str, message: str) -> None:
    with pytest.raises(NotFoundError, match=message):
        lookup.find(name)
