"""Incrementally updated figures always equal a full recount."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.curation import plans
from tagging_core.ledger import replay, taxonomy_store
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage import key_values
from tagging_core.storage.schema import content, daily
from tests.conftest import BLUE, GREEN, RED, examples, ingest
from tests.tagging_core.analytics.conftest import Clock

TAGS = ("garment.dress", "garment.hat", "garment.skirt", "colour.red")
PEOPLE = (local_user("Ann"), local_user("Bob"))
DECISIONS = st.tuples(
    st.sampled_from([Kind.ACCEPT, Kind.REJECT, Kind.ADD, Kind.REPLACE, Kind.DONE, Kind.SKIP]),
    st.integers(0, 2),
    st.sampled_from(TAGS),
    st.sampled_from(TAGS),
)
ACTIONS = st.one_of(
    st.tuples(st.just("decide"), st.integers(0, 1), DECISIONS),
    st.tuples(st.just("undo"), st.integers(0, 1), st.integers(0, 30)),
    st.tuples(st.just("merge"), st.sampled_from(TAGS), st.sampled_from(TAGS)),
    st.tuples(st.just("wait"), st.integers(1, 40), st.just(None)),
    st.tuples(st.just("blind"), st.booleans(), st.just(None)),
)


def figures(loop: Tagloop) -> list[list[tuple]]:
    with loop.database.read() as connection:
        return [
            sorted(tuple(row) for row in connection.execute(select(table).where(table.c.n != 0)))
            for table in (daily, content)
        ]


def recount(loop: Tagloop, zone: str = "") -> None:
    with loop.database.write() as connection:
        replay.recount(
            connection, zone or key_values.zone_of(connection), taxonomy_store.load(connection).redirects
        )


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(actions=st.lists(ACTIONS, min_size=1, max_size=14))
def test_incremental_figures_equal_a_full_recount(
    loop: Tagloop, ann: User, clock: Clock, actions: list[tuple]
) -> None:
    pictures = ingest(loop, ann, RED, GREEN, BLUE)
    event_ids: list[int] = []
    for action, one, two in actions:
        try:
            match action:
                case "decide":
                    kind, picture, tag, other = two
                    names = (tag, other) if kind == Kind.REPLACE else (tag, None)
                    if kind in (Kind.DONE, Kind.SKIP):
                        names = (None, None)
                    decision = Decision(kind, pictures[picture], *names, profile="e-commerce", seconds=4.0)
                    loop.review.assigner.take(PEOPLE[one], pictures[picture], force=True)
                    event_ids.append(loop.review.decide(PEOPLE[one], decision))
                case "undo" if event_ids:
                    event_ids.append(loop.review.undo(PEOPLE[one], event_ids[two % len(event_ids)]))
                case "merge":
                    loop.curation.apply(ann, plans.merge(loop.taxonomy(), one, two))
                case "wait":
                    clock.move(hours=one)
                case "blind":
                    loop.review.rates = SamplingRates(blind=float(one))
        except TaggingError:
            continue
    stored = figures(loop)
    recount(loop)
    assert figures(loop) == stored


def test_a_finished_picture_counts_in_a_batch_it_joins_later(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset, "garment.dress", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    assert ingest(loop, ann, RED) == [asset]
    stored = figures(loop)
    assert {(row[1], row[3], row[4]) for row in stored[1] if row[0] == "batch"} == {
        (batch, tag, 1) for batch in ("1", "2") for tag in ("", "garment.dress")
    }
    recount(loop)
    assert figures(loop) == stored


def test_days_follow_the_configured_time_zone(loop: Tagloop, ann: User, clock: Clock) -> None:
    clock.moment = datetime(2026, 9, 1, 22, 30)  # the next morning in Shanghai, the same evening in Berlin
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    for zone, day in (("UTC", "2026-09-01"), ("Asia/Shanghai", "2026-09-02"), ("Europe/Berlin", "2026-09-02")):
        recount(loop, zone)
        with loop.database.read() as connection:
            query = select(daily.c.day).where(daily.c.subject == "all", daily.c.kind.in_(["done", "upload"]))
            found = set(connection.execute(query).scalars())
        assert found == {day}


def test_an_installation_without_figures_is_counted_on_opening(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset, "garment.dress", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    stored = figures(loop)
    with loop.database.write() as connection:
        for table in ("daily", "content", "meta where key = 'insights.zone'"):
            connection.exec_driver_sql(f"delete from {table}")
    reopened = Tagloop(loop.settings)
    assert figures(reopened) == stored
    reopened.close()


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "CEST+2"])
def test_an_unknown_time_zone_is_named_in_the_error(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tagging_core import load_settings

    monkeypatch.setenv("TAGLOOP_TIME_ZONE", zone)
    with pytest.raises(TaggingError, match=rf"TAGLOOP_TIME_ZONE='{zone.replace('+', '.')}'"):
        load_settings()
