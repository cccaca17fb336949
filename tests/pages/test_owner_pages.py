from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths
from console.tags import backfill as backfilling
from console.tags import import_export, sensitive
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.assets import protected
from tagging_core.common.users import Role
from tagging_core.curation import ImportPlan, backfill, plans, sensitive_tags
from tagging_core.ledger import taxonomy_history
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Tag
from tests.conftest import GREEN, RED, ingest
from tests.pages.test_tags import button, dialog

OpenPage = Callable[..., AppTest]
EDITOR = User("ed", frozenset({Role.EDITOR}))


def confuse(console: Tagloop, ann: User) -> None:
    for asset_id in ingest(console, ann, RED, RED, RED):
        shown = {"probability": 0.6}
        decision = Decision(Kind.REPLACE, asset_id, "garment.hat", "garment.dress", "e-commerce", payload=shown)
        console.review.decide(ann, decision)
    console.model.library.settle()
    console.curation.proposals.finder.search()


def test_proposals_are_shown_with_their_evidence_and_dismissed(
    open_page: OpenPage, console: Tagloop, ann: User
) -> None:
    confuse(console, ann)
    at = open_page(page_paths.PROPOSALS)
    at.segmented_control(key="proposals_kind").set_value("confusion").run()
    assert any("**Hat** suggested where people gave **Dress** :gray[3 times]" in m.value for m in at.markdown)
    button(at, "Dismiss").click().run()
    assert not any("**Hat** suggested" in m.value for m in at.markdown)
    button(at, "Undo").click().run()
    assert any("**Hat** suggested" in m.value for m in at.markdown)


def test_a_proposed_tag_is_approved_or_declined(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(console, ann, RED)
    proposed = console.curation.propose(EDITOR, Tag("", "garment", {"en": "Cape"}))
    console.review.decide(ann, Decision(Kind.ADD, asset_id, proposed.id))
    at = open_page(page_paths.PROPOSALS)
    at.segmented_control(key="proposals_kind").set_value("new").run()
    assert any("**Cape** :gray[proposed by an editor" in m.value for m in at.markdown)
    at.button(key=f"approve_{proposed.id}").click().run()
    assert console.taxonomy().tags[proposed.id].state == "active"
    button(at, "Undo").click().run()
    at.button(key=f"decline_{proposed.id}").click().run()
    assert console.taxonomy().tags[proposed.id].state == "deprecated"


def test_editors_see_proposals_without_buttons(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    confuse(console, ann)
    at = open_page(page_paths.PROPOSALS, user=EDITOR)
    at.segmented_control(key="proposals_kind").set_value("confusion").run()
    assert any("**Hat** suggested" in m.value for m in at.markdown)
    assert not [b for b in at.button if b.label in ("Dismiss", "Merge …")]


def test_a_backfill_is_answered_page_by_page(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = ingest(console, ann, RED, RED, RED, profile="general")
    for asset_id in pictures:
        console.review.decide(ann, Decision(Kind.DONE, asset_id, profile="general"))
    monkeypatch.setattr(backfill, "NEEDS", 0.0)
    console.model.library.settle()
    console.curation.backfills.start(ann, "colour.red")
    while backfill.step(console.database, console.model.library):
        pass
    monkeypatch.setattr(gallery, "draw", lambda *_, **__: None)
    monkeypatch.setattr(gallery, "selection", lambda page, usual: pictures[:2])
    at = dialog(lambda: backfilling.answer("colour.red", 1), console, ann, monkeypatch)
    assert at.button(key="recheck_answer").label == "It applies to 2 of 3"
    at.button(key="recheck_answer").click().run()
    assert at.success[0].value.startswith("That was the last one")
    with console.database.read() as connection:
        from tagging_core.ledger import taxonomy_store

        assert set(taxonomy_store.examples(connection, "colour.red")) == set(pictures[:2])


def test_changes_are_listed_and_undone(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    assert "Nobody has changed the tag library" in open_page(page_paths.HISTORY).info[0].value
    console.curation.apply(ann, plans.merge(console.taxonomy(), "garment.hat", "garment.dress"))
    at = open_page(page_paths.HISTORY)
    assert any("**Merged Hat into Dress**" in m.value for m in at.markdown)
    button(at, "Undo").click().run()
    assert console.taxonomy().tags["garment.hat"].state == "active"
    assert any("Brought Hat back" in m.value for m in at.markdown)


def test_a_past_version_of_the_library_is_compared_and_restored(
    open_page: OpenPage, console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page(page_paths.HISTORY, show="Versions")
    assert any("no tag library yet" in i.value for i in at.info)
    monkeypatch.setattr(taxonomy_history, "first_change_at", lambda _: datetime(2000, 1, 1))
    with console.database.write() as connection:  # the starter library of the day before yesterday
        connection.execute(events.update().values(at=datetime.now(UTC).replace(tzinfo=None) - timedelta(days=2)))
    console.curation.apply(ann, plans.set_state(console.taxonomy(), "garment.hat", "deprecated"))
    at.run()
    assert any("1 item is different" in m.value for m in at.markdown)
    at.button(key="restore").click().run()
    assert console.taxonomy().tags["garment.hat"].state == "active"


def test_an_import_is_previewed_before_it_is_applied(
    console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"category,name_en\ngarment,Kilt\ngarment,Hat\n"
    at = dialog(lambda: import_export._draw_import(data, "csv", "tags.csv"), console, ann, monkeypatch)
    assert "garment.kilt" not in console.taxonomy().tags
    at.button(key="import_do").click().run()
    assert console.taxonomy().tags["garment.kilt"].name() == "Kilt"


def test_an_import_file_is_read_again_only_when_the_library_has_changed(
    console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    read = console.curation.read_import

    def read_import(data: bytes, form: str, name: str) -> ImportPlan:
        reads.append(name)
        return read(data, form, name)

    monkeypatch.setattr(console.curation, "read_import", read_import)
    for data in (b"category,name_en\ngarment,Kilt\n", b"category,name_en\ngarment,\n"):
        reads.clear()
        at = dialog(
            lambda data=data: import_export._draw_import(data, "csv", "tags.csv"), console, ann, monkeypatch
        )
        at.run()
        assert reads == ["tags.csv"]
    console.curation.apply(ann, plans.set_state(console.taxonomy(), "garment.hat", "deprecated"))
    at.run()
    assert reads == ["tags.csv", "tags.csv"]


def test_what_an_import_leaves_out_is_listed(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"""@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix ex: <http://ex.org/> .
        ex:s a skos:ConceptScheme ; skos:prefLabel "Animals"@en ; skos:hasTopConcept ex:pet, ex:hunter .
        ex:pet skos:prefLabel "Pet"@en . ex:hunter skos:prefLabel "Hunter"@en .
        ex:cat a skos:Concept ; skos:prefLabel "Cat"@en ; skos:broader ex:pet, ex:hunter ."""
    at = dialog(lambda: import_export._draw_import(data, "skos", "animals.ttl"), console, ann, monkeypatch)
    assert at.expander[0].label == "1 row is imported in part or not at all"
    assert at.expander[0].dataframe[0].value["Why"].tolist() == [
        "'Cat' is kept in 'Hunter'; left out: broader concept 'Pet'"
    ]


def test_a_bad_import_lists_each_bad_row(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"category,name_en\ngarment,\ngarment,Kilt\n,Loose\n"
    at = dialog(lambda: import_export._draw_import(data, "csv", "tags.csv"), console, ann, monkeypatch)
    assert "2 bad rows" in at.error[0].value
    assert at.dataframe[0].value["Line"].tolist() == [2, 4]
    assert "garment.kilt" not in console.taxonomy().tags


def test_sensitive_tags_can_be_switched_on_and_show_their_accuracy(
    open_page: OpenPage, console: Tagloop, ann: User
) -> None:
    at = open_page(page_paths.COMPLIANCE)
    assert any("not measured" in m.value for m in at.markdown)
    button(at, "Switch them on").click().run()
    assert sensitive_tags.is_on(console.taxonomy())
    button(at, "Undo").click().run()
    assert not sensitive_tags.is_on(console.taxonomy())


def test_a_copy_of_a_protected_picture_is_shown(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    red, other = ingest(console, ann, RED, GREEN)
    console.curation.protected.protect(ann, [red], "Agency X")
    with console.database.write() as connection:
        vectors = {other: protected.vectors.load(connection, console.model.library.fingerprint, [red])[red]}
        assert protected.raise_alerts(connection, console.model.library.fingerprint, vectors) == 1
    at = open_page(page_paths.COMPLIANCE)
    assert any(f"Picture {other} looks like a protected one" in m.value for m in at.markdown)
    button(at, "Not a copy, or allowed").click().run()
    assert "No picture looks like" in at.info[-1].value


def test_pictures_are_chosen_for_protection(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    red, _ = ingest(console, ann, RED, GREEN)
    monkeypatch.setattr(gallery, "draw", lambda *_, **__: None)
    monkeypatch.setattr(gallery, "selection", lambda page, usual: [red])
    at = dialog(sensitive.choose_protected, console, ann, monkeypatch)
    at.text_input(key="protect_note").set_value("Agency X").run()
    at.button(key="protect_do").click().run()
    with console.database.read() as connection:
        assert protected.listed(connection) == {red: "Agency X"}
