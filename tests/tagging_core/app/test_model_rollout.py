"""A new model is built beside the active one and replaces it without losing what was learned."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Role
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import find_preset
from tagging_core.embeddings.encoders.base import Vectors, unit
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.errors import EncoderError, NotAllowedError, TaggingError
from tagging_core.review import decisions
from tagging_core.review.queue import View
from tagging_core.storage.schema import events
from tagging_core.storage.schema import vectors as vector_table
from tests.conftest import BLUE, GREEN, RED, Installations, ingest, photo, wait_for

COLOURS = [RED, GREEN, BLUE, *((200 + n, 20 + n, 20) for n in range(5))]


class RotatedEncoder(TinyEncoder):
    """A second model: the first one's vectors, reversed and padded to 65 dimensions, so that the two cannot mix."""

    def __init__(self, slow: float = 0.0) -> None:
        super().__init__(replace(find_preset("tiny"), name="turned", model="turned", dimension=65))
        self.slow = slow
        self.instructions: list[str] = []

    def encode_images(self, images, instruction="", texts=()):  # type: ignore[no-untyped-def]
        time.sleep(self.slow * len(images))
        self.instructions.append(instruction)
        self.dimension = 64
        return self._rotate(super().encode_images(images))

    def encode_texts(self, texts, instruction=""):  # type: ignore[no-untyped-def]
        return self._rotate(unit(np.stack([self._encode_text(text) for text in texts])))

    def _encode_text(self, text: str) -> Vectors:
        plain = TinyEncoder(find_preset("tiny"))
        return plain._text(text)

    def _rotate(self, found: Vectors) -> Vectors:
        self.dimension = 65
        return np.hstack([found[:, ::-1], np.zeros((len(found), 1), np.float32)])


@pytest.fixture
def operator() -> User:
    return User("op", frozenset({Role.ADMIN}))


@pytest.fixture
def other_encoder(working: Tagloop) -> RotatedEncoder:
    encoder = RotatedEncoder()
    working.resources.encoders.register(encoder)
    return encoder


def build(loop: Tagloop, operator: User, name: str = "turned") -> str:
    fingerprint = loop.models.build(operator, name).fingerprint
    wait_for(lambda: state(loop, fingerprint) == SpaceState.READY)
    return fingerprint


def state(loop: Tagloop, fingerprint: str) -> SpaceState | None:
    with loop.database.read() as connection:
        found = spaces.find(connection, fingerprint)
        return found.state if found else None


def label_red(loop: Tagloop, user: User, assets: list[int]) -> None:
    for asset in assets[3:]:
        loop.review.decide(user, Decision(Kind.ADD, asset, "colour.red", profile="e-commerce"))
        loop.review.decide(user, Decision(Kind.DONE, asset, profile="e-commerce"))


def test_learned_tags_carry_over_to_the_new_model(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    assets = ingest(working, ann, *COLOURS)
    label_red(working, ann, assets)
    old = working.model.preset.fingerprint
    fingerprint = build(working, operator)
    assert working.model.preset.fingerprint == old, "nothing changes before the switch"
    working.models.switch(operator, fingerprint)
    assert working.model.preset.fingerprint == fingerprint == working.model.library.fingerprint
    assert working.resources.index.fingerprint == fingerprint
    found = {s.tag_id: s for s in working.review.suggest(assets[0], "e-commerce")}
    assert found["colour.red"].fingerprint == fingerprint
    with working.database.read() as connection:
        assert decisions.labels_of(connection, assets[3])["colour.red"].value == 1
    wait_for(lambda: working.resources.index.feeder.pending() == 0)
    assert working.resources.index.counts()["assets"] == len(assets)
    hits = working.search.find("red").hits
    assert {hit.asset_id for hit in hits[:3]} <= {assets[0], *assets[3:]}


def test_switching_back_is_immediate_and_embeds_newer_pictures(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    assets = ingest(working, ann, *COLOURS)
    old = working.model.preset.fingerprint
    working.models.switch(operator, build(working, operator))
    (late,) = ingest(working, ann, (240, 220, 40))
    with working.database.read() as connection:
        assert vectors.load(connection, working.model.library.fingerprint, [late])
        assert not vectors.load(connection, old, [late])
    missing = {p.space.fingerprint: p.missing for p in working.models.all()}
    assert missing == {old: 1, working.model.preset.fingerprint: 0}
    working.models.switch(operator, old)
    assert working.review.suggest(assets[0], "e-commerce")[0].fingerprint == old
    wait_for(lambda: {p.space.fingerprint: p.missing for p in working.models.all()}[old] == 0)


def test_vectors_of_two_models_never_mix(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    ingest(working, ann, *COLOURS)
    build(working, operator)
    sizes: dict[str, set[int]] = {}
    with working.database.read() as connection:
        for row in connection.execute(select(vector_table)):
            sizes.setdefault(row.fingerprint, set()).add(len(row.vector) // 4)
    assert sizes == {working.model.preset.fingerprint: {64}, other_encoder.fingerprint: {65}}


def test_decisions_made_during_a_build_reach_the_new_model(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    assets = ingest(working, ann, *[(n, 40, 250 - n) for n in range(0, 250, 3)])
    other_encoder.slow = 0.005
    fingerprint = working.models.build(operator, "turned").fingerprint
    turn = working.review.assigner.next(ann, View("e-commerce"))
    assert turn is not None
    while state(working, fingerprint) == SpaceState.BUILDING:
        working.review.decide(ann, Decision(Kind.ADD, turn.asset_id, "colour.red", profile="e-commerce"))
        working.review.decide(ann, Decision(Kind.REJECT, turn.asset_id, "colour.red", profile="e-commerce"))
        time.sleep(0.05)
    wait_for(lambda: not any(p.pending for p in working.models.all()))
    new = next(p.space for p in working.models.all() if p.space.fingerprint == fingerprint)
    matrix = working.resources.libraries.of_space(new).matrix()
    picture = other_encoder.encode_images([Image.new("RGB", (30, 20), (0, 40, 250))])
    assert matrix.probability_of("colour.red", picture)[0] < 0.5
    assert next(p.missing for p in working.models.all() if p.space.fingerprint == fingerprint) == 0
    assert len(assets) == 84


def test_an_upload_during_the_switch_is_fully_embedded(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    ingest(working, ann, *COLOURS)
    fingerprint = build(working, operator)
    files = [(f"{n}.jpg", photo((n, 30, 30))) for n in range(0, 250, 2)]
    batch = working.ingest.upload(ann, files, "e-commerce")
    threading.Timer(0.05, lambda: working.models.switch(operator, fingerprint)).start()
    wait_for(lambda: working.ingest.batch(batch).state == "done")
    wait_for(lambda: working.model.preset.fingerprint == fingerprint)
    wait_for(lambda: next(p for p in working.models.all() if p.space.state == SpaceState.ACTIVE).missing == 0)
    assert working.ingest.batch(batch).finished == len(files)


def test_the_comparison_reports_what_would_change(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    assets = ingest(working, ann, *COLOURS)
    label_red(working, ann, assets)
    fingerprint = build(working, operator)
    wait_for(lambda: not any(p.pending for p in working.models.all()))
    report = working.models.compare(fingerprint)
    assert report.judged == 5
    assert report.looked_at == len(assets)
    for score in (report.before, report.after):
        assert score.average_precision is not None
        assert 0 <= score.average_precision <= 1
        assert score.calibration is not None
    assert [t.profile_id for t in report.thresholds] == ["e-commerce"]
    for moved in report.moved:
        assert moved.gained + moved.lost > 0
        assert set(moved.gains + moved.losses) <= set(assets)


def test_a_dropped_model_leaves_only_ledger_events(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    ingest(working, ann, *COLOURS)
    fingerprint = build(working, operator)
    with pytest.raises(EncoderError, match="is the active model"):
        working.models.drop(operator, working.model.preset.fingerprint)
    working.models.drop(operator, fingerprint)
    assert state(working, fingerprint) is None
    with working.database.read() as connection:
        query = select(vector_table.c.asset_id).where(vector_table.c.fingerprint == fingerprint)
        assert not connection.execute(query).all()
        actions = [row.payload["act"] for row in connection.execute(select(events).where(events.c.kind == "model"))]
    assert actions == ["build", "drop"]
    assert other_encoder not in working.resources.encoders.loaded(), "its memory is released"
    working.resources.encoders.register(other_encoder)
    assert build(working, operator) == fingerprint


def test_a_failing_model_is_reported_and_the_active_one_keeps_working(
    working: Tagloop, ann: User, operator: User
) -> None:
    ingest(working, ann, RED)
    folder = working.settings.data_dir / "broken"
    folder.mkdir()
    fingerprint = working.models.build(operator, str(folder)).fingerprint
    wait_for(lambda: any("holds no weights" in p.space.note for p in working.models.all()))
    assert state(working, fingerprint) == SpaceState.BUILDING
    with pytest.raises(EncoderError, match="not ready"):
        working.models.switch(operator, fingerprint)
    assert working.worker is not None
    assert not working.worker.trouble, "the active model keeps working"


@pytest.mark.parametrize("name", ["no-such-model", "tiny"])
def test_an_unusable_model_is_rejected_at_once(working: Tagloop, operator: User, name: str) -> None:
    with pytest.raises(EncoderError):
        working.models.build(operator, name)


def test_only_operators_can_change_models(working: Tagloop, manager: User, other_encoder: RotatedEncoder) -> None:
    for action in (working.models.build, working.models.switch, working.models.drop, working.models.stop):
        with pytest.raises(NotAllowedError):
            action(manager, "turned")
    with pytest.raises(TaggingError, match="No model"):
        working.models.compare("unknown")


def test_a_stopped_build_resumes_where_it_stopped(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    ingest(working, ann, *[(n, 40, 250 - n) for n in range(0, 250, 2)])
    other_encoder.slow = 0.02
    fingerprint = working.models.build(operator, "turned").fingerprint
    wait_for(lambda: any(p.missing < p.pictures for p in working.models.all() if p.space.encoder == "turned"))
    working.models.stop(operator, fingerprint)
    time.sleep(1.0)
    before = next(p.missing for p in working.models.all() if p.space.encoder == "turned")
    time.sleep(0.7)
    assert next(p.missing for p in working.models.all() if p.space.encoder == "turned") == before > 0
    other_encoder.slow = 0.0
    build(working, operator)


def test_a_switch_by_another_process_is_picked_up(
    working: Tagloop, ann: User, operator: User, other_encoder: RotatedEncoder
) -> None:
    ingest(working, ann, *COLOURS)
    fingerprint = build(working, operator)
    with working.database.write() as connection:  # as the command line beside the console does
        spaces.activate(connection, fingerprint)
    wait_for(lambda: working.model.preset.fingerprint == fingerprint, 3)


def test_the_encoder_setting_applies_only_to_a_new_archive(
    working: Tagloop, ann: User, installations: Installations
) -> None:
    settings, folder = working.settings, working.settings.data_dir / "new"
    new = {"data_dir": folder, "database_url": installations.new(folder)}
    ingest(working, ann, RED)
    working.close()
    reopened = Tagloop(settings.model_copy(update={"encoder": "builtin"}))
    assert reopened.model.preset.name == "tiny"
    reopened.close()
    fresh = Tagloop(settings.model_copy(update={"encoder": "builtin", **new}))
    assert fresh.model.preset.name == "builtin"
    fresh.close()
    changed = Tagloop(settings.model_copy(update={"encoder": "tiny", **new}))
    assert changed.model.preset.name == "tiny"
    assert len(changed.models.all()) == 1
    changed.close()
