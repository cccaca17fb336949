from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.analytics import accuracy, change_effects, drift, drilldown, productivity, saved_views, trends
from tagging_core.analytics.drilldown import DrilldownQuery
from tagging_core.analytics.overview import Overview, overview
from tagging_core.common.periods import Period
from tagging_core.common.users import Role
from tagging_core.errors import NotAllowedError
from tagging_core.ledger.rollups.content import Basis
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets
from tests.conftest import BLUE, GREEN, RED, ingest

PROFILE = "e-commerce"


def load_overview(loop: Tagloop, user: User) -> Overview:
    with loop.database.read() as connection:
        return overview(connection, user, loop.taxonomy(), period=Period.latest(30, key_values.today(connection)))


def test_a_new_installation_has_empty_figures(loop: Tagloop, ann: User) -> None:
    found = load_overview(loop, ann)
    assert (found.figures["upload"], found.review.waiting, found.oldest, found.saved) == (0, 0, None, None)
    assert (found.accuracy.precision, found.accuracy.recall) == (None, None)
    assert (found.drift, found.sensitive, found.copies, found.waited) == (None, {}, 0, 0)


def test_the_overview_shows_finished_and_waiting_work(loop: Tagloop, ann: User) -> None:
    first, second, _ = ingest(loop, ann, RED, BLUE, GREEN)
    seen = loop.review.suggest(first, PROFILE)[0]
    loop.review.decide(ann, Decision(Kind.ACCEPT, first, seen.tag_id, profile=PROFILE))
    loop.review.decide(ann, Decision(Kind.DONE, first, profile=PROFILE, seconds=5.0))
    suggested = {s.tag_id for s in loop.review.suggest(second, PROFILE)}
    missed = next(tag.id for tag in loop.taxonomy().active() if tag.id not in suggested)
    loop.review.decide(ann, Decision(Kind.ADD, second, missed, profile=PROFILE))
    loop.review.decide(ann, Decision(Kind.DONE, second, profile=PROFILE, seconds=7.0))
    found = load_overview(loop, ann)
    assert (found.figures["upload"], found.figures["done"], found.review.waiting) == (3, 2, 1)
    assert productivity.unchanged_share(found.figures) == (1, 2)
    assert found.saved is not None
    assert found.saved.hours == pytest.approx(2 * (45 - 6) / 3600)
    assert found.before["upload"] == 0


def test_queue_age_is_that_of_the_oldest_picture(loop: Tagloop, ann: User) -> None:
    first, _ = ingest(loop, ann, RED, BLUE)
    with loop.database.write() as connection:
        then = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=12)
        connection.execute(update(assets).where(assets.c.id == first).values(created_at=then))
    assert load_overview(loop, ann).waited == 12


def test_blind_reviews_are_preferred_once_there_are_enough(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, second) = ingest(loop, ann, RED, BLUE)
    seen = {s.tag_id: s.probability for s in loop.review.suggest(first, PROFILE)}
    loop.review.rates = SamplingRates(blind=1)
    card = loop.review.card(ann, first, PROFILE)
    right = max(seen, key=lambda tag_id: seen[tag_id])
    loop.review.decide(ann, Decision(Kind.ADD, first, right, profile=PROFILE, shown=card.shown))
    card = loop.review.card(ann, first, PROFILE)  # reloaded, as after each decision
    loop.review.decide(ann, Decision(Kind.DONE, first, profile=PROFILE, shown=card.shown))
    loop.review.rates = SamplingRates(blind=0)
    shown = loop.review.suggest(second, PROFILE)
    loop.review.decide(ann, Decision(Kind.DONE, second, profile=PROFILE, shown=shown))
    figures = load_overview(loop, ann).figures
    blind = accuracy.outcomes(figures, accuracy.BLIND)
    assert blind.truths == 1
    assert blind.missed == 0  # the model had predicted it, unseen by the reviewer
    assert blind.opinions == sum(p >= 0.5 for p in seen.values())
    assert accuracy.best_outcomes(figures).source == "shown"
    monkeypatch.setattr(accuracy, "ENOUGH", blind.opinions)
    assert accuracy.best_outcomes(figures).source == ("blind" if blind.opinions else "shown")


def test_editors_cannot_read_charts(loop: Tagloop) -> None:
    editor = User("ed", frozenset({Role.EDITOR}))
    month = Period.latest(30, datetime.now(UTC).date())
    taxonomy = loop.taxonomy()
    with loop.database.read() as connection:
        for call in (
            lambda: overview(connection, editor, taxonomy, period=month),
            lambda: trends.load(connection, editor, Basis.REVIEWED, period=month),
            lambda: trends.together(connection, editor, taxonomy),
            lambda: accuracy.overall(connection, editor, month),
            lambda: accuracy.by(connection, editor, "tag", period=month, taxonomy=taxonomy),
            lambda: accuracy.bins(connection, editor, month, source="shown"),
            lambda: accuracy.confusions(connection, editor, month, taxonomy=taxonomy),
            lambda: change_effects.effects_of_changes(connection, editor, month, taxonomy=taxonomy),
            lambda: productivity.people(connection, editor, month),
            lambda: drift.latest(connection, editor),
            lambda: drilldown.find(connection, editor, DrilldownQuery(), taxonomy=taxonomy),
            lambda: saved_views.listed(connection, editor, "trends"),
        ):
            with pytest.raises(NotAllowedError, match="read the charts"):
                call()
