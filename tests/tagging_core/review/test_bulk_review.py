"""Reviewing many pictures at once: grids, groups, bulk accept."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sqlalchemy import select

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.embeddings.encoders import unit
from tagging_core.learning import clustering
from tagging_core.learning.thresholds import Threshold, Thresholds
from tagging_core.review import bulk_accept, decisions
from tagging_core.review.queue import View
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import daily, events
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest

VIEW = View("e-commerce")
REDS = [(200 + n, 20 + n, 20) for n in range(5)]
BLUES = [(30, 60 + n, 200 + n) for n in range(4)]


def decide(loop: Tagloop, user: User, kind: Kind, asset: int, tag: str | None = None) -> int:
    return loop.review.decide(user, Decision(kind, asset, tag, profile="e-commerce"))


def test_the_grid_asks_one_question_about_the_likeliest_pictures(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, *REDS, *BLUES, YELLOW)
    page = loop.bulk.grid(ann, VIEW, "colour.red")
    assert {cell.asset_id for cell in page.cells[:5]} == set(assets[:5])
    assert [cell.asset_id for cell in page.cells[5:]] == [assets[-1]]
    probabilities = [cell.probability for cell in page.cells]
    assert probabilities == sorted(probabilities, reverse=True)
    assert {cell.tag_id for cell in page.cells} == {"colour.red"}
    assert page.asked["colour.red"] == 5  # the yellow one is shown, but it is probably not red


def test_without_a_subject_the_grid_asks_about_the_most_probable_tag(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, *REDS, BLUE)
    page = loop.bulk.grid(ann, VIEW)
    assert page.subject == next(iter(page.asked))
    assert page.asked[page.subject] == max(page.asked.values())


def test_a_category_shows_each_picture_with_its_own_tag(loop: Tagloop, ann: User) -> None:
    red, blue = ingest(loop, ann, RED, BLUE)
    page = loop.bulk.grid(ann, VIEW, "colour")
    shown = {cell.asset_id: cell.tag_id for cell in page.cells}
    assert shown == {red: "colour.red", blue: "colour.blue"}


def test_the_grid_excludes_decided_blind_finished_and_leased_pictures(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, *REDS)
    decide(loop, ann, Kind.REJECT, assets[0], "colour.red")
    decide(loop, ann, Kind.DONE, assets[1])
    loop.review.assigner.take(local_user("Bob"), assets[2])
    page = loop.bulk.grid(ann, VIEW, "colour.red")
    assert {cell.asset_id for cell in page.cells} == set(assets[3:])
    loop.review.rates = SamplingRates(blind=1)
    assert loop.bulk.grid(ann, VIEW, "colour.red").cells == []


def test_pictures_on_the_grid_are_leased(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, *REDS)
    mine = loop.bulk.grid(ann, VIEW, "colour.red").cells
    assert len(mine) == 5
    assert loop.bulk.grid(local_user("Bob"), VIEW, "colour.red").cells == []


def test_pictures_that_look_alike_are_one_group(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, *REDS, *BLUES)
    found = loop.bulk.groups(ann, VIEW)
    assert [set(g.asset_ids) | set(g.odd) for g in found] == [set(assets[:5]), set(assets[5:])]
    assert "colour.red" in dict(found[0].tags)


def test_clusters_are_tight_and_together_hold_every_picture() -> None:
    random = np.random.default_rng(0)
    centres = np.eye(6)[np.repeat(np.arange(3), 20)]
    found = clustering.clusters(unit(centres + random.normal(size=(60, 6)) * 0.03))
    assert sorted(len(members) for members in found) == [20, 20, 20]
    assert sorted(np.concatenate(found)) == list(range(60))


def test_the_odd_one_out_is_set_aside(loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = ingest(loop, ann, RED, (210, 40, 40), (230, 20, 20), BLUE)
    monkeypatch.setattr(clustering, "_CUT", 1.9)
    (group,) = loop.bulk.groups(ann, VIEW)
    assert (set(group.asset_ids), group.odd) == (set(assets[:3]), [assets[3]])


def make_thresholds(pooled: Threshold, **tags: Threshold) -> Thresholds:
    return Thresholds(0.97, pooled, {tag.replace("_", "."): c for tag, c in tags.items()})


def test_bulk_accept_accepts_what_the_threshold_allows_as_one_group(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = ingest(loop, ann, *REDS, GREEN)
    history = make_thresholds(Threshold(None, reason="Not enough history."), colour_red=Threshold(0.3, 100, 99))
    monkeypatch.setattr(loop.review, "thresholds", lambda profile, target: history)
    found = loop.bulk.preview(ann, VIEW, 0.97)
    assert found.looked_at == 6
    with monkeypatch.context() as limited:
        limited.setattr(bulk_accept, "POOL", 2)
        assert loop.bulk.preview(ann, VIEW, 0.97).looked_at == 2
    assert [o.tag_id for o in found.allowed] == ["colour.red"]
    assert {o.cut.reason for o in found.offers if not o.allowed} == {"Not enough history."}
    written = list(loop.bulk.accept_many(ann, found.offers, "e-commerce", target=0.97))
    assert len({group.id for group in written}) == 1
    with loop.database.read() as connection:
        for asset in assets[:5]:
            label = decisions.labels_of(connection, asset)["colour.red"]
            assert (label.value, label.shown) == (1, False)  # nobody looked at it
        counted = connection.execute(
            select(daily.c.kind, daily.c.n).where(daily.c.subject == "tag", daily.c.key == "colour.red")
        ).all()
    assert counted == [("unseen", 5)]
    loop.review.undo_last(ann)
    with loop.database.read() as connection:
        assert all(decisions.labels_of(connection, a) == {} for a in assets)


def test_a_stopped_bulk_accept_keeps_its_decisions_as_one_group(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(loop, ann, *REDS)
    monkeypatch.setattr(loop.review, "thresholds", lambda profile, target: make_thresholds(Threshold(0.3, 100, 99)))
    monkeypatch.setattr("tagging_core.review.bulk_service._PIECE", 2)
    found = loop.bulk.preview(ann, VIEW, 0.97)
    steps = loop.bulk.accept_many(ann, found.offers, "e-commerce", target=0.97)
    assert [len(next(steps).event_ids) for _ in range(2)] == [2, 2]  # each step returns only its own events
    steps.close()
    with loop.database.read() as connection:
        assert len(connection.execute(select(events.c.id).where(events.c.group_id.is_not(None))).all()) == 4
    loop.review.undo_last(ann)
    assert not any(action.in_effect for action in loop.review.recent_actions(ann))


def test_bulk_accept_skips_pictures_finished_or_opened_by_others_meanwhile(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = ingest(loop, ann, *REDS)
    monkeypatch.setattr(loop.review, "thresholds", lambda profile, target: make_thresholds(Threshold(0.3, 100, 99)))
    found = loop.bulk.preview(ann, VIEW, 0.97)
    bob = local_user("Bob")
    decide(loop, bob, Kind.DONE, assets[0])
    loop.review.assigner.take(bob, assets[1])
    list(loop.bulk.accept_many(ann, found.offers, "e-commerce", target=0.97))
    with loop.database.read() as connection:
        got = [a for a in assets if decisions.labels_of(connection, a)]
    assert got == assets[2:]


def test_the_grid_preselects_what_the_target_precision_of_the_tag_requires(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(loop, ann, *REDS)
    cells = loop.bulk.grid(ann, VIEW, "colour.red").cells
    assert [cell.is_sure for cell in cells] == [cell.probability >= 0.5 for cell in cells]
    cut = cells[0].probability
    loop.curation.save(ann, dataclasses.replace(loop.taxonomy().tags["colour.red"], target=0.9))
    found = Thresholds(0.9, Threshold(None), {"colour.red": Threshold(cut, 100, 99)})
    monkeypatch.setattr(loop.review, "thresholds", lambda profile, target: found)
    sure = {cell.asset_id: cell.is_sure for cell in loop.bulk.grid(ann, VIEW, "colour.red").cells}
    assert sure == {cell.asset_id: cell.probability >= cut for cell in cells}
    assert not all(sure.values())


def test_undoing_a_group_restores_the_probabilities_at_once(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, *REDS, *BLUES)
    loop.model.library.settle()
    cells = loop.bulk.grid(ann, VIEW, "colour").cells
    given = [
        Decision(Kind.REJECT, cell.asset_id, cell.tag_id, profile="e-commerce", payload={"probability": 0.9})
        for cell in cells
    ]
    group = loop.review.decide_many(ann, given)
    loop.model.library.calibrate()  # as the worker does
    loop.review.undo_group(ann, group.id)
    after = {cell.asset_id: cell.probability for cell in loop.bulk.grid(ann, VIEW, "colour").cells}
    assert after == pytest.approx({cell.asset_id: cell.probability for cell in cells}, abs=1e-5)
