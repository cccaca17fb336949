"""A profile's instruction reaches the model: its pictures get a second vector, used only for its suggestions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.common.users import Role
from tagging_core.curation import plans
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import find_preset
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.errors import NotAllowedError, TagError
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest, photo, wait_for

PROFILE = "e-commerce"


class InstructedEncoder(TinyEncoder):
    """Returns reversed vectors when given an instruction."""

    def __init__(self) -> None:
        super().__init__(replace(find_preset("tiny"), instructed="both", fuses=True))
        self.fused: list[str] = []
        self.confused = False

    def encode_images(self, images, instruction="", texts=()):  # type: ignore[no-untyped-def]
        self.fused += [text for text in texts if text]
        found = super().encode_images(images)
        return found[:, ::-1] if instruction else found

    def encode_texts(self, texts, instruction=""):  # type: ignore[no-untyped-def]
        found = super().encode_texts(texts)
        return found[:, ::-1] if instruction and not self.confused else found


@pytest.fixture
def owner() -> User:
    return User("olga", frozenset({Role.OWNER}))


@pytest.fixture
def encoder() -> InstructedEncoder:
    return InstructedEncoder()


@pytest.fixture
def working(data_dir: Path, encoder: InstructedEncoder) -> Iterator[Tagloop]:
    chosen = Settings(data_dir=data_dir, encoder="tiny", ingest_threads=1, blind_share=0, known_share=0)
    loop = Tagloop(chosen, encoder=encoder)
    loop.start()
    yield loop
    loop.close()


def instruct(loop: Tagloop, owner: User, instruction: str = "") -> str:
    profile = loop.taxonomy().profile(PROFILE)
    loop.curation.apply(
        owner, plans.instruct(loop.taxonomy(), PROFILE, instruction or profile.instruction, followed=True)
    )
    loop.models.follow()
    fingerprint = spaces.fingerprint_of(loop.model.preset.fingerprint, instruction or profile.instruction)
    wait_for(lambda: next(p for p in loop.models.all() if p.space.instruction).space.state == SpaceState.READY)
    return fingerprint


def test_only_suggestions_of_the_instructed_profile_use_its_space(working: Tagloop, ann: User, owner: User) -> None:
    red, *_ = ingest(working, ann, RED, GREEN, BLUE)
    fingerprint = instruct(working, owner)
    assert {s.fingerprint for s in working.review.suggest(red, PROFILE)} == {fingerprint}
    assert {s.fingerprint for s in working.review.suggest(red, "general")} <= {working.model.preset.fingerprint}
    assert working.review.suggest(red, PROFILE)[0].tag_id == "colour.red"


def test_new_pictures_get_both_vectors_and_the_text_is_fused(
    working: Tagloop, ann: User, owner: User, encoder: InstructedEncoder
) -> None:
    ingest(working, ann, RED)
    fingerprint = instruct(working, owner)
    batch = working.ingest.upload(ann, [("a.jpg", photo(YELLOW)), ("a.txt", b"A yellow thing")], PROFILE)
    wait_for(lambda: working.ingest.batch(batch).state == "done")
    with working.database.read() as connection:
        known = [vectors.load(connection, name, [1, 2]) for name in (working.model.preset.fingerprint, fingerprint)]
    assert [sorted(found) for found in known] == [[1, 2], [1, 2]]
    assert (known[0][2][::-1] == known[1][2]).all()
    assert "A yellow thing" in " ".join(encoder.fused)


def test_a_decision_updates_the_instructed_library_at_once(working: Tagloop, ann: User, owner: User) -> None:
    assets = ingest(working, ann, RED, (215, 35, 30), GREEN, BLUE)
    instruct(working, owner)
    library = working.model.instructed[0]
    before = library.matrix().revision
    working.review.decide(ann, Decision(Kind.REJECT, assets[0], "colour.red", profile=PROFILE))
    assert library.matrix().revision > before
    with working.database.read() as connection:
        picture = vectors.load(connection, library.pictures, [assets[1]])[assets[1]]
    assert library.matrix().probability_of("colour.red", picture[None])[0] < 0.9


def test_the_tagger_uses_the_instruction_as_well(working: Tagloop, ann: User, owner: User) -> None:
    ingest(working, ann, RED)
    fingerprint = instruct(working, owner)
    tagged = working.tagger.tag(ann, photo(BLUE), PROFILE)
    assert {s.fingerprint for s in tagged.suggestions} == {fingerprint}


def test_turning_the_instruction_off_restores_plain_suggestions(working: Tagloop, ann: User, owner: User) -> None:
    (red,) = ingest(working, ann, RED)
    before = [s.tag_id for s in working.review.suggest(red, PROFILE)]
    fingerprint = instruct(working, owner)
    working.curation.apply(owner, plans.instruct(working.taxonomy(), PROFILE, "Find it.", followed=False))
    working.models.follow()
    found = working.review.suggest(red, PROFILE)
    assert [s.tag_id for s in found] == before
    assert {s.fingerprint for s in found} == {working.model.preset.fingerprint}
    with working.database.read() as connection:
        assert not vectors.load(connection, fingerprint, [red])


def test_a_new_instruction_replaces_the_old_one_and_undo_restores_it(
    working: Tagloop, ann: User, owner: User
) -> None:
    (red,) = ingest(working, ann, RED)
    first = instruct(working, owner, "Find the garment.")
    change_id = working.curation.apply(
        owner, plans.instruct(working.taxonomy(), PROFILE, "Find the mood.", followed=True)
    )
    working.models.follow()
    instructed = [p.space for p in working.models.all() if p.space.instruction]
    assert [space.instruction for space in instructed] == ["Find the mood."]
    working.curation.undo(owner, change_id)
    working.models.follow()
    wait_for(lambda: {s.fingerprint for s in working.review.suggest(red, PROFILE)} == {first})


def test_editors_and_empty_instructions_are_rejected(working: Tagloop) -> None:
    taxonomy = working.taxonomy()
    plan = plans.instruct(taxonomy, PROFILE, "Find it.", followed=True)
    with pytest.raises(NotAllowedError):
        working.curation.apply(User("ed", frozenset({Role.EDITOR})), plan)
    with pytest.raises(TagError, match="instruction for E-commerce is empty"):
        plans.instruct(taxonomy, PROFILE, "  ", followed=True)


def test_a_model_without_instructions_gets_no_instructed_space(loop: Tagloop, owner: User) -> None:
    loop.curation.apply(owner, plans.instruct(loop.taxonomy(), PROFILE, "Find it.", followed=True))
    loop.models.follow()
    assert not [p for p in loop.models.all() if p.space.instruction]


def test_a_preview_shows_what_would_change_and_writes_nothing(
    working: Tagloop, ann: User, encoder: InstructedEncoder
) -> None:
    pictures = ingest(working, ann, RED, GREEN, BLUE, YELLOW)
    for asset_id, colour in zip(pictures, ("red", "green", "blue", "yellow"), strict=True):
        working.review.decide(ann, Decision(Kind.ADD, asset_id, f"colour.{colour}", profile=PROFILE))
        working.review.decide(ann, Decision(Kind.DONE, asset_id, profile=PROFILE))
    with working.database.read() as connection:
        before = row_counts(connection)
    progress: list[float] = []
    same = working.curation.instructions.preview(PROFILE, "Find it.", progress.append)
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert {tried.asset_id for tried in same.pictures} == set(pictures)
    assert same.changed == 0, "texts and pictures get the same instruction"
    assert (same.judged, same.before, same.after) == (4, 1, 1)
    encoder.confused = True
    other = working.curation.instructions.preview(PROFILE, "Find it.", progress.append)
    assert other.changed == 4
    assert other.after is not None
    assert other.after < 1
    with working.database.read() as connection:
        assert row_counts(connection) == before


def test_a_preview_can_be_stopped_and_needs_pictures(working: Tagloop, ann: User) -> None:
    assert working.curation.instructions.preview(PROFILE, "Find it.", lambda _: None).pictures == []
    ingest(working, ann, RED)

    def stop(_: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        working.curation.instructions.preview(PROFILE, "Find it.", stop)


def row_counts(connection: Connection) -> dict[str, int]:
    """The number of rows in each table."""
    names = ("events", "vectors", "text_vectors", "families", "learned", "suggestions", "profiles")
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}
