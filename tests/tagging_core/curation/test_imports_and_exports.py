from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Tagloop, User
from tagging_core.curation import plans
from tagging_core.errors import ImportRefusedError


def apply(loop: Tagloop, user: User, data: bytes, form: str = "csv") -> dict[int, str]:
    found = loop.curation.read_import(data, form)
    loop.curation.apply(user, found.plan)
    return found.notes


@pytest.mark.parametrize("form", ["csv", "json", "skos"])
def test_importing_an_export_changes_nothing(loop: Tagloop, ann: User, form: str) -> None:
    loop.curation.apply(ann, plans.merge(loop.taxonomy(), "garment.hat", "garment.dress"))
    loop.curation.apply(ann, plans.set_state(loop.taxonomy(), "garment.skirt", "deprecated"))
    found = loop.curation.read_import(loop.curation.export(form), form)
    assert loop.curation.impact(found.plan).changes == []


@pytest.mark.parametrize("form", ["csv", "json", "skos"])
def test_importing_an_export_recreates_a_deleted_tag(loop: Tagloop, ann: User, form: str) -> None:
    hat = loop.taxonomy().tags["garment.hat"]
    loop.curation.save(ann, replace(hat, own_prompts={"clip": ["a woolly hat"]}))
    before = loop.taxonomy()
    exported = loop.curation.export(form)
    loop.curation.apply(ann, plans.delete(before, "garment.hat"))
    changed = plans.save(loop.taxonomy(), before.tags["garment.dress"])
    assert changed.tags
    data = exported.replace(b"garment.hat", b"garment.cap-2")
    loop.curation.apply(ann, loop.curation.read_import(data, form).plan)
    imported = loop.taxonomy().tags["garment.cap-2"]
    original = before.tags["garment.hat"]
    assert (imported.names, imported.definition) == (original.names, original.definition)
    # Only JSON can express prompts for one model.
    assert imported.own_prompts == (original.own_prompts if form == "json" else {})
    assert {code: set(names) for code, names in imported.aliases.items()} == {
        code: set(names) for code, names in original.aliases.items()
    }


def test_a_spreadsheet_adds_and_updates_tags(loop: Tagloop, ann: User) -> None:
    data = "id,category,name_en,name_zh,parent,aliases_en\n,Garment type,Kilt,,Skirt,tartan|plaid skirt\n"
    data = data.replace("Garment type", loop.taxonomy().categories["garment"].name())
    data += "garment.dress,,Gown dress,礼服裙,,\n"
    apply(loop, ann, data.encode())
    kilt = loop.taxonomy().tags["garment.kilt"]
    assert (kilt.parent_id, kilt.aliases) == ("garment.skirt", {"en": ["tartan", "plaid skirt"]})
    dress = loop.taxonomy().tags["garment.dress"]
    assert (dress.name(), dress.name("zh")) == ("Gown dress", "礼服裙")
    assert dress.prompts  # the file has no column for prompts


def test_an_import_does_not_recreate_a_merged_tag(loop: Tagloop, ann: User) -> None:
    loop.curation.apply(ann, plans.merge(loop.taxonomy(), "garment.hat", "garment.dress"))
    data = "id,category,name_en\ngarment.hat,garment,Hat\n,garment,HÁT\n,garment,Sari\n"
    notes = apply(loop, ann, data.encode())
    assert "was merged into Dress" in notes[2]
    assert "already a name of the tag Dress" in notes[3]
    taxonomy = loop.taxonomy()
    assert taxonomy.tag("garment.hat").id == "garment.dress"
    assert "garment.sari" in taxonomy.tags


def test_one_bad_row_in_ten_thousand_prevents_the_import(loop: Tagloop, ann: User) -> None:
    lines = ["category,name_en", *(f"feature,Thing {n}" for n in range(10_000))]
    lines[7_000] = "feature,"
    before = loop.taxonomy()
    with pytest.raises(ImportRefusedError, match="line 7001: a new tag needs an English name") as caught:
        loop.curation.read_import("\n".join(lines).encode(), "csv")
    assert list(caught.value.problems) == [7001]
    assert loop.taxonomy() is before
    lines[7_000] = "feature,Another thing"
    apply(loop, ann, "\n".join(lines).encode())
    assert len(loop.taxonomy().tags) == len(before.tags) + 10_000


def test_every_bad_row_is_reported_by_line_number(loop: Tagloop) -> None:
    data = (
        "id,category,name_en,state,target,parent\n"
        ",garment,Dress coat,odd,,\n"
        ",garment,Kilt,,2,\n"
        ",garment,Sari,,,Nowhere\n"
        '"with\nbreak",garment,Toga,,,\n'
        ",,Loose,,,\n"
    )
    with pytest.raises(ImportRefusedError) as caught:
        loop.curation.read_import(data.encode(), "csv")
    assert caught.value.problems.keys() == {2, 3}  # formats are checked first
    assert "expected one of active" in caught.value.problems[2]
    good = data.replace("odd", "").replace(",2,", ",,")
    with pytest.raises(ImportRefusedError) as caught:
        loop.curation.read_import(good.encode(), "csv")
    assert {n: p.split(";")[0][:30] for n, p in caught.value.problems.items()}.keys() == {4, 5, 7}


def test_duplicate_names_in_a_file_are_reported(loop: Tagloop) -> None:
    with pytest.raises(ImportRefusedError, match="line 3: 'KILT' is already a name"):
        loop.curation.read_import(b"category,name_en\ngarment,Kilt\ngarment,KILT\n", "csv")


@pytest.mark.parametrize(
    ("data", "form", "message"),
    [
        ("name_en\nпальто\n".encode("cp1251"), "csv", "line 2: byte 0xef is not UTF-8"),
        (b"title\nX\n", "csv", "line 1: unknown column 'title'"),
        (b'name_en,category\n"open,garment\n', "csv", "invalid CSV"),
        (b"{", "json", "invalid JSON"),
        ("name_en\nX\n".encode("utf-16")[:-1], "csv", "ends in the middle of a character"),
        (b'{"tags": [{"names": 3}]}', "json", "tag 1: 'names' must map"),
        (b'{"tags": [{"names": {"en": "X"}, "definition": 5}]}', "json", "tag 1: 'definition' must be a text"),
        (b'{"tags": [{"names": {"en": "X"}, "prompts": "a dress"}]}', "json", "tag 1: 'prompts' must be a list"),
        (b'{"tags": [{"names": {"en": "X"}, "aliases": {"en": [3]}}]}', "json", "tag 1: 'aliases' must map"),
        (b"@prefix x", "skos", "invalid turtle"),
        (
            b"<?xml version='1.0'?><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
            "skos",
            "no skos:Concept",
        ),
    ],
)
def test_an_unreadable_file_is_reported_with_the_position(
    loop: Tagloop, data: bytes, form: str, message: str
) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        loop.curation.read_import(data, form)


def test_utf_16_and_semicolons_are_read(loop: Tagloop, ann: User) -> None:
    apply(loop, ann, "category;name_en;name_zh\ngarment;Kilt;苏格兰裙\n".encode("utf-16"))
    assert loop.taxonomy().tags["garment.kilt"].name("zh") == "苏格兰裙"


def test_an_imported_category_is_created_and_used_by_profiles(loop: Tagloop, ann: User) -> None:
    apply(loop, ann, b"category,name_en\nHouse style,Bold\n")
    assert "house-style" in loop.taxonomy().profiles["general"].categories
    assert loop.taxonomy().tags["house-style.bold"].category_id == "house-style"


def test_exported_names_are_not_run_as_formulas(loop: Tagloop, ann: User) -> None:
    apply(loop, ann, b"category,name_en\nfeature,=1+1\n")
    exported = loop.curation.export("csv").decode("utf-8-sig")
    assert "'=1+1" in exported
    assert loop.curation.impact(loop.curation.read_import(exported.encode(), "csv").plan).changes == []


def test_a_foreign_skos_thesaurus_is_imported_in_all_its_languages(loop: Tagloop, ann: User) -> None:
    data = """
    @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
    @prefix ex: <http://example.org/> .
    ex:scheme a skos:ConceptScheme ; skos:prefLabel "Plants"@en .
    ex:tree a skos:Concept ; skos:inScheme ex:scheme ; skos:prefLabel "Tree"@en, "树木"@zh, "Arbre"@fr .
    ex:oak a skos:Concept ; skos:inScheme ex:scheme ; skos:broader ex:tree ; skos:prefLabel "Oak"@en ;
        skos:altLabel "Quercus"@en .
    """
    apply(loop, ann, data.encode(), "skos")
    oak, tree = loop.taxonomy().tags["plants.oak"], loop.taxonomy().tags["plants.tree"]
    assert oak.parent_id == tree.id
    assert tree.names == {"en": "Tree", "zh": "树木", "fr": "Arbre"}
    assert oak.aliases == {"en": ["Quercus"]}
