"""Finding tags by what somebody types."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging_core import Tagloop, User
from tagging_core.taxonomy import TagFinder, TagHit
from tagging_core.taxonomy.model import Category, Tag, Taxonomy, make_taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy

STARTER = TagFinder(read_taxonomy())
WORDS = [(tag, word) for tag in STARTER.taxonomy.assignable() for word in tag.words()]


def taxonomy_of(*tags: Tag) -> Taxonomy:
    return make_taxonomy(0, {"x": Category("x", {"en": "X"})}, {tag.id: tag for tag in tags}, profiles={})


def named(name: str, *aliases: str, state: str = "active") -> Tag:
    return Tag(name, "x", {"en": name}, {"en": list(aliases)}, state=state)


def ids(hits: list[TagHit]) -> list[str]:
    return [hit.tag.id for hit in hits]


@pytest.mark.parametrize(
    ("query", "name", "word"),
    [
        ("dress", "Dress", "Dress"),
        ("dres", "Dress", "Dress"),  # not the alias "dress shirt" of Shirt
        ("lon", "Long-sleeved top", "Long-sleeved top"),  # not the alias "lonely" of Sad
        ("jean", "Trousers", "jeans"),  # not the alias "jean fabric" of Denim, which is less like it
        ("sleeved", "Long-sleeved top", "Long-sleeved top"),
        ("sleeved top", "Long-sleeved top", "Long-sleeved top"),
        ("sweatsh", "Long-sleeved top", "sweatshirt"),
        ("weatshi", "Long-sleeved top", "sweatshirt"),
        ("longsleeved", "Long-sleeved top", "Long-sleeved top"),
        ("t shirt", "T-shirt", "T-shirt"),
        ("ＤＲＥＳＳ", "Dress", "Dress"),
        ("dréss", "Dress", "Dress"),
        ("连衣", "Dress", "连衣裙"),
        ("衣裙", "Dress", "连衣裙"),
        ("lyq", "Dress", "连衣裙"),
        ("L Y Q", "Dress", "连衣裙"),
        ("lianyiqun", "Dress", "连衣裙"),
        ("lian yi qun", "Dress", "连衣裙"),
        ("lian'yi'qun", "Dress", "连衣裙"),
        ("liányīqún", "Dress", "连衣裙"),
        ("lianyi", "Dress", "连衣裙"),
    ],
)
def test_the_first_hit_is_the_tag_that_is_meant(query: str, name: str, word: str) -> None:
    first = STARTER.find(query)[0]
    assert (first.tag.name(), first.word, first.typo) == (name, word, False)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("snaekers", "Shoes"),
        ("drss", "Dress"),
        ("long slevd top", "Long-sleeved top"),
        ("sleevd", "Long-sleeved top"),
        ("dresses", "Dress"),
    ],
)
def test_a_similar_word_is_found_and_said_to_be_only_similar(query: str, name: str) -> None:
    assert name in [hit.tag.name() for hit in STARTER.find(query) if hit.typo]


@pytest.mark.parametrize("query", ["", "   ", "\n", "wwww", "hta", "zebra crossing"])
def test_what_no_tag_is_like_finds_none(query: str) -> None:
    assert STARTER.find(query) == []


@pytest.mark.parametrize(
    ("query", "exact"), [("dress", True), ("  DRÉSS ", True), ("gown", True), ("dres", False), ("lyq", False)]
)
def test_a_hit_is_exact_if_the_query_is_its_name_or_alias(query: str, exact: bool) -> None:
    assert STARTER.find(query)[0].exact is exact


def test_an_alias_that_is_the_query_precedes_a_name_that_differs_in_punctuation() -> None:
    finder = TagFinder(taxonomy_of(named("T-shirt", "tshirt"), named("T shirt"), named("Tee", "TSHIRT")))
    hits = finder.find("tshirt")
    assert [(hit.tag.id, hit.word, hit.exact) for hit in hits] == [
        ("T-shirt", "tshirt", True),
        ("Tee", "TSHIRT", True),
        ("T shirt", "T shirt", False),
    ]


def test_signs_make_a_name_of_their_own() -> None:
    finder = TagFinder(taxonomy_of(named("C"), named("C++"), named("&"), named("❤️"), named("c.")))
    for name in finder.taxonomy.tags:
        assert (ids(finder.find(name))[0], finder.find(name)[0].exact) == (name, True)


def test_hits_are_ordered_by_how_they_match() -> None:
    expected = [
        named("Long"),
        named("a", "long"),
        named("Long shirt"),
        named("b", "long coat"),
        named("Red long"),
        named("c", "red long"),
        Tag("龙", "x", {"zh": "龙"}),
        Tag("e", "x", {"zh": "的"}, {"zh": ["隆"]}),
        Tag("龙衣", "x", {"zh": "龙衣"}),
        named("Oblong"),
        named("d", "oblong"),
        named("Loong"),
    ]
    finder = TagFinder(taxonomy_of(*reversed(expected)))
    hits = finder.find("long", limit=20)
    assert ids(hits) == [tag.id for tag in expected]
    assert [hit.typo for hit in hits] == [False] * 11 + [True]


def test_among_equal_matches_recently_used_tags_come_first() -> None:
    finder = TagFinder(
        taxonomy_of(named("Red"), named("Red hat"), named("Red coat"), named("x", "red"), named("Redder"))
    )
    recent = ["Red coat", "x", "no longer there", "Redder"]
    assert ids(finder.find("red", recent=recent)) == ["Red", "x", "Red coat", "Redder", "Red hat"]


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("长裙", ["changqun", "cq", "zhangqun"]),
        ("长大衣", ["changdayi", "cdy"]),
        ("重庆", ["chongqing", "cq"]),
        ("银行", ["yinhang", "yh"]),
        ("行李箱", ["xinglixiang", "xlx"]),
        ("女装", ["nvzhuang", "nüzhuang", "nuzhuang", "nz"]),
        ("T恤", ["txu", "tx", "t xu"]),
        ("polo衫", ["poloshan", "polo shan", "polos"]),
        ("連衣裙", ["lianyiqun", "lyq"]),
        ("3D打印", ["3ddayin", "3ddy"]),
        ("长" * 80, ["chang" * 3, "zhang" * 80, "c" * 5]),
    ],
)
def test_chinese_names_and_aliases_are_found_in_pinyin(name: str, queries: list[str]) -> None:
    as_name, as_alias = Tag("n", "x", {"zh": name}), Tag("a", "x", {"en": "Other"}, {"zh": [name]})
    finder = TagFinder(taxonomy_of(as_alias, as_name))
    for query in queries:
        assert [(hit.tag.id, hit.word, hit.typo) for hit in finder.find(query)] == [
            ("n", name, False),
            ("a", name, False),
        ], query


@pytest.mark.parametrize(
    "name", ["Ёлка", "Ελλάδα", "فستان", "पोशाक", "ชุดเดรส", "드레스", "ワンピース", "İstanbul", "Straße"]
)
def test_names_of_any_language_are_found_while_they_are_typed(name: str) -> None:
    finder = TagFinder(taxonomy_of(named("Dress"), named(name)))
    assert [finder.find(name[:n])[0].word for n in range(1, len(name) + 1)] == [name] * len(name)


def test_only_assignable_tags_are_found_unless_others_are_given() -> None:
    tags = [
        named(f"Hat {state}", state=state) for state in ("active", "proposed", "deprecated", "merged", "deleted")
    ]
    finder = TagFinder(taxonomy_of(*tags))
    assert set(ids(finder.find("hat"))) == {"Hat active", "Hat proposed"}
    assert ids(finder.find("hat", within=[tags[2]])) == ["Hat deprecated"]


def test_the_index_is_shared_until_the_taxonomy_changes(loop: Tagloop, ann: User) -> None:
    before = loop.curation.tag_finder()
    assert loop.curation.tag_finder() is before
    saved = loop.curation.save(ann, Tag("", "garment", {"en": "Cape"}))
    assert loop.curation.tag_finder().find("cape")[0].tag == saved


@settings(deadline=None)
@given(st.text() | st.text("dresjan lyq'-连衣裙", max_size=12), st.integers(0, 12))
def test_any_query_finds_each_tag_once_and_similar_ones_last(query: str, limit: int) -> None:
    hits = STARTER.find(query, limit=300)
    assert len(set(ids(hits))) == len(hits)
    assert [hit.typo for hit in hits] == sorted(hit.typo for hit in hits)
    assert all(hit.word in hit.tag.words() for hit in hits)
    assert STARTER.find(query, limit=limit) == hits[:limit]


@settings(deadline=None)
@given(st.sampled_from(WORDS), st.sampled_from([str.upper, str.lower, str.title, lambda word: f" {word}\t"]))
def test_every_tag_is_found_first_by_each_of_its_words(pair: tuple[Tag, str], vary: Callable[[str], str]) -> None:
    tag, word = pair
    hits = STARTER.find(vary(word), limit=20)
    assert hits[0].exact
    assert tag in [hit.tag for hit in hits if hit.exact]


@settings(deadline=None)
@given(st.sampled_from(WORDS), st.data())
def test_a_part_of_a_word_finds_its_tag_without_a_guess(pair: tuple[Tag, str], data: st.DataObject) -> None:
    tag, word = pair
    start = data.draw(st.integers(0, len(word) - 1))
    part = word[start : data.draw(st.integers(start + 1, len(word)))]
    if any(letter.isalnum() for letter in part):
        assert tag.id in [hit.tag.id for hit in STARTER.find(part, limit=300) if not hit.typo]


@settings(deadline=None)
@given(st.sampled_from(WORDS), st.lists(st.sampled_from([tag.id for tag, _ in WORDS])), st.integers(1, 3))
def test_recent_use_changes_the_order_only_among_equals(
    pair: tuple[Tag, str], recent: list[str], letters: int
) -> None:
    query = pair[1][:letters]
    plain, personal = STARTER.find(query, limit=300), STARTER.find(query, limit=300, recent=recent)
    assert set(ids(plain)) == set(ids(personal))
    assert [hit.exact for hit in plain] == [hit.exact for hit in personal]
    kept = [tag_id for tag_id in ids(personal) if tag_id not in recent]
    assert kept == [tag_id for tag_id in ids(plain) if tag_id not in recent]
