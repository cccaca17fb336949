"""A thesaurus keeps its hierarchy, its schemes and its labels as tags, or the plan says what is left out."""

from __future__ import annotations

import pytest

from tagging_core.curation import ImportPlan, formats
from tagging_core.curation.importer import plan_import
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Tag, Taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy

PREFIXES = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix ex: <http://ex.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
"""
SCHEME = 'ex:s a skos:ConceptScheme ; skos:prefLabel "Animals"@en . '


def read(data: str | bytes, library: Taxonomy | None = None) -> ImportPlan:
    data = (PREFIXES + data).encode() if isinstance(data, str) else data
    return plan_import(library or read_taxonomy(), formats.read(data, "skos"))


def after(data: str | bytes, library: Taxonomy | None = None) -> Taxonomy:
    return read(data, library).plan.after(library or read_taxonomy())


def tags(found: ImportPlan) -> dict[str, Tag]:
    return {tag.name(): tag for tag in found.plan.tags}


def tree(found: ImportPlan) -> dict[str, str | None]:
    """The name of each tag's parent."""
    names = {tag.id: tag.name() for tag in found.plan.tags}
    return {tag.name(): names.get(tag.parent_id or "") for tag in found.plan.tags}


def concepts(*names: str, scheme: bool = True) -> str:
    inside = "skos:inScheme ex:s ; " if scheme else ""
    return "".join(f'ex:{n.lower()} a skos:Concept ; {inside}skos:prefLabel "{n}"@en . ' for n in names)


PET_CAT = {"Pet": None, "Cat": "Pet"}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param("ex:cat skos:broader ex:pet .", PET_CAT, id="broader"),
        pytest.param("ex:pet skos:narrower ex:cat .", PET_CAT, id="narrower"),
        pytest.param("ex:cat skos:broader ex:pet . ex:pet skos:narrower ex:cat .", PET_CAT, id="both"),
        pytest.param("", {"Pet": None, "Cat": None}, id="neither"),
    ],
)
def test_either_direction_of_the_hierarchy_is_read(statements: str, expected: dict[str, str | None]) -> None:
    found = read(SCHEME + concepts("Pet", "Cat") + statements)
    assert tree(found) == expected
    assert found.notes == {}


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param("ex:s a skos:ConceptScheme .", id="the only scheme"),
        pytest.param("ex:s skos:hasTopConcept ex:pet .", id="hasTopConcept"),
        pytest.param("ex:pet skos:topConceptOf ex:s .", id="topConceptOf"),
        pytest.param("ex:pet skos:inScheme ex:s .", id="inScheme of the top concept"),
        pytest.param("ex:s skos:hasTopConcept ex:pet . ex:t a skos:ConceptScheme .", id="beside another scheme"),
    ],
)
def test_a_concept_without_a_scheme_has_that_of_its_broader_one_or_the_only_one(statements: str) -> None:
    label = 'ex:s skos:prefLabel "Animals"@en . ex:cat skos:broader ex:pet .'
    found = read(concepts("Pet", "Cat", scheme=False) + label + statements)
    assert tree(found) == PET_CAT
    assert {tag.category_id for tag in found.plan.tags} == {"animals"}


def test_a_concept_of_none_of_several_schemes_is_named() -> None:
    schemes = "ex:s a skos:ConceptScheme . ex:t a skos:ConceptScheme ."
    with pytest.raises(
        ImportRefusedError, match=r"concept 1: http://ex\.org/cat: the new tag 'Cat' needs a category"
    ):
        read(schemes + concepts("Cat", scheme=False))


def test_of_two_broader_concepts_the_first_by_uri_is_kept_and_the_other_reported() -> None:
    found = read(SCHEME + concepts("Pet", "Hunter", "Cat") + "ex:cat skos:broader ex:pet, ex:hunter .")
    assert tree(found)["Cat"] == "Hunter"
    assert list(found.notes.values()) == ["'Cat' is kept in 'Hunter'; left out: broader concept 'Pet'"]


def test_a_broader_concept_above_the_parent_is_not_lost() -> None:
    hierarchy = "ex:cat skos:broader ex:pet, ex:animal . ex:pet skos:broader ex:animal ."
    found = read(SCHEME + concepts("Animal", "Pet", "Cat") + hierarchy)
    assert tree(found) == {"Animal": None, "Pet": "Animal", "Cat": "Pet"}
    assert found.notes == {}


def test_a_broader_concept_of_another_scheme_is_reported() -> None:
    other = 'ex:t a skos:ConceptScheme ; skos:prefLabel "Roles"@en . ex:pet a skos:Concept ; skos:inScheme ex:t ; '
    other += 'skos:prefLabel "Pet"@en . ex:cat skos:broader ex:pet .'
    found = read(SCHEME + concepts("Cat") + other)
    assert tree(found) == {"Cat": None, "Pet": None}
    assert list(found.notes.values()) == ["'Cat' gets no parent; left out: broader concept 'Pet'"]


def test_a_concept_of_two_schemes_goes_where_its_parent_is() -> None:
    both = (
        'ex:r a skos:ConceptScheme ; skos:prefLabel "Roles"@en . ex:cat skos:inScheme ex:r ; skos:broader ex:pet .'
    )
    found = read(SCHEME + concepts("Pet", "Cat") + both)
    assert tree(found) == PET_CAT
    assert list(found.notes.values()) == ["'Cat' is kept in 'Animals'; left out: scheme 'Roles'"]


@pytest.mark.parametrize(
    "cycle", ["ex:cat skos:broader ex:cat .", "ex:cat skos:broader ex:pet ; skos:narrower ex:pet ."]
)
def test_a_concept_that_is_broader_than_itself_is_refused(cycle: str) -> None:
    with pytest.raises(ImportRefusedError, match="concept 1: a concept is broader than itself: 'Cat' is broader"):
        read(SCHEME + concepts("Cat", "Pet") + cycle)


def test_part_of_a_thesaurus_is_imported_and_joins_the_rest_in_the_library() -> None:
    part = SCHEME + concepts("Cat") + "ex:cat skos:broader ex:pet ."
    alone = read(part)
    assert list(alone.notes.values()) == [
        "http://ex.org/pet is not in the file, nor a tag of this category; the tag gets no parent"
    ]
    library = after(SCHEME + concepts("Pet"))
    found = read(part, library)
    assert (tags(found)["Cat"].parent_id, found.notes) == ("animals.pet", {})


def test_a_concept_that_is_replaced_by_another_becomes_a_merged_tag() -> None:
    found = read(SCHEME + concepts("Cat", "Moggy") + "ex:moggy dct:isReplacedBy ex:cat .")
    assert (tags(found)["Moggy"].state, tags(found)["Moggy"].merged_into) == ("merged", "animals.cat")
    alone = read(SCHEME + concepts("Moggy") + "ex:moggy dct:isReplacedBy ex:cat .")
    assert tags(alone)["Moggy"].state == "deprecated"
    assert "its replacement http://ex.org/cat is not in the file" in next(iter(alone.notes.values()))


# ---- labels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "names", "aliases"),
    [
        ('"Trousers"@en-GB, "Pants"@en-US', {"en": "Trousers"}, {"en": ["Pants"]}),
        ('"Pants"@en-US, "Trousers"@en', {"en": "Trousers"}, {"en": ["Pants"]}),
        ('"Pants", "Trousers"@en', {"en": "Trousers"}, {"en": ["Pants"]}),
        ('"Grey"@en-GB, "Grey"@en-US', {"en": "Grey"}, {}),
        ('"X"@en, "裤子"@zh-Hans, "褲子"@zh-Hant', {"en": "X", "zh": "裤子"}, {"zh": ["褲子"]}),
        ('"X"@en, "褲子"@zh-TW, "裤子"@zh-CN', {"en": "X", "zh": "裤子"}, {"zh": ["褲子"]}),
        ('"X"@en, "Ônibus"@pt-BR, "Autocarro"@pt-PT', {"en": "X", "pt": "Ônibus"}, {"pt": ["Autocarro"]}),
        ('"X"@EN', {"en": "X"}, {}),
        ('"X"@en ; rdfs:label "Y"@en, "Z"@de', {"en": "X", "de": "Z"}, {}),
        (
            '"X"@en ; skos:altLabel "Slacks"@en-GB, "Slacks"@en, "西裤"@zh-Hans',
            {"en": "X"},
            {"en": ["Slacks"], "zh": ["西裤"]},
        ),
        ('"X"@en ; skos:altLabel ex:other, ""@en', {"en": "X"}, {}),
    ],
)
def test_variants_of_a_language_share_its_code(
    labels: str, names: dict[str, str], aliases: dict[str, list[str]]
) -> None:
    found = read(f"{SCHEME} ex:a a skos:Concept ; skos:inScheme ex:s ; skos:prefLabel {labels} .")
    (tag,) = found.plan.tags
    assert (tag.names, tag.aliases) == (names, aliases)


def test_the_english_definition_is_preferred() -> None:
    found = read(SCHEME + concepts("Cat") + 'ex:cat skos:definition "Chat."@fr, "A cat."@en-GB, "猫。"@zh .')
    assert tags(found)["Cat"].definition == "A cat."


def test_the_names_of_a_scheme_are_those_of_its_category() -> None:
    found = read(SCHEME + 'ex:s skos:prefLabel "动物"@zh-Hans . ' + concepts("Cat"))
    assert found.plan.categories[0].names == {"en": "Animals", "zh": "动物"}


# ---- renamed concepts --------------------------------------------------------------------------------------


def test_a_renamed_concept_stays_the_same_tag() -> None:
    library = after(SCHEME + concepts("Cat", "Pet") + "ex:cat skos:broader ex:pet .")
    renamed = (concepts("Cat", "Pet") + "ex:cat skos:broader ex:pet .").replace('"Cat"', '"Feline"')
    found = read(SCHEME + renamed, library)
    assert {tag.id: tag.name() for tag in found.plan.tags} == {"animals.cat": "Feline", "animals.pet": "Pet"}
    assert tags(found)["Feline"].parent_id == "animals.pet"


def test_a_renamed_scheme_stays_the_same_category() -> None:
    library = after(SCHEME + concepts("Cat"))
    found = read(SCHEME.replace("Animals", "Beasts") + concepts("Cat"), library)
    assert [(c.id, c.name()) for c in found.plan.categories] == [("animals", "Beasts")]
    assert [tag.id for tag in found.plan.tags] == ["animals.cat"]


def test_two_concepts_may_exchange_their_names() -> None:
    data = SCHEME + concepts("Cat", "Dog")
    library = after(data)
    swapped = data.replace('"Cat"', '"x"').replace('"Dog"', '"Cat"').replace('"x"', '"Dog"')
    assert {tag.id: tag.name() for tag in read(swapped, library).plan.tags} == {
        "animals.cat": "Dog",
        "animals.dog": "Cat",
    }


def test_a_tag_without_a_uri_is_found_by_name_and_gets_one() -> None:
    library = plan_import(read_taxonomy(), formats.read(b"category,name_en\nAnimals,Cat\n", "csv")).plan.after(
        read_taxonomy()
    )
    found = read(SCHEME + concepts("Cat"), library)
    assert [(tag.id, tag.uri) for tag in found.plan.tags] == [("animals.cat", "http://ex.org/cat")]


@pytest.mark.parametrize("form", ["json", "skos"])
def test_an_export_keeps_where_a_tag_came_from(form: str) -> None:
    library = after(SCHEME + concepts("Cat"))
    copied = plan_import(read_taxonomy(), formats.read(formats.write(library, form), form)).plan
    assert [tag.uri for tag in copied.tags if tag.id == "animals.cat"] == ["http://ex.org/cat"]
    assert [(c.uri, c.name()) for c in copied.categories if c.id == "animals"] == [("http://ex.org/s", "Animals")]
