"""How library changes affected the precision of their tags."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.analytics import change_effects
from tagging_core.analytics.change_effects import Effect
from tagging_core.common.periods import Period
from tagging_core.curation.plans import Plan
from tagging_core.ledger import taxonomy_store
from tests.conftest import BLUE, GREEN, RED, ingest
from tests.tagging_core.analytics.conftest import Clock

TAG = "garment.dress"


def effects(loop: Tagloop, user: User, period: Period) -> list[Effect]:
    with loop.database.read() as connection:
        return change_effects.effects_of_changes(connection, user, period, taxonomy=loop.taxonomy())


def describe(loop: Tagloop, user: User, tag_ids: list[str], definition: str) -> None:
    taxonomy = loop.taxonomy()
    changed = [replace(taxonomy.tags[t], definition=definition) for t in tag_ids]
    loop.curation.apply(user, Plan("Describe", tuple(changed)))


def judge(loop: Tagloop, user: User, asset: int, kind: Kind) -> None:
    shown = {"probability": 0.8}
    loop.review.decide(user, Decision(kind, asset, TAG, profile="e-commerce", payload=shown))


def test_precision_before_and_after_a_change(loop: Tagloop, ann: User, clock: Clock) -> None:
    one, two, three = ingest(loop, ann, RED, GREEN, BLUE)
    judge(loop, ann, one, Kind.REJECT)
    clock.move(days=2)
    describe(loop, ann, [TAG], "for women")
    judge(loop, ann, two, Kind.ACCEPT)
    clock.move(days=2)
    judge(loop, ann, three, Kind.ACCEPT)
    day = clock.moment.date()
    (found,) = effects(loop, ann, Period(day - timedelta(days=10), day))
    assert found.tag_ids == [TAG]
    assert (found.before.right, found.before.wrong) == (0, 1)
    assert (found.after.right, found.after.wrong) == (2, 0)
    assert found.change.value == pytest.approx(1.0)


def test_all_tags_of_a_large_change_are_listed(loop: Tagloop, ann: User, clock: Clock) -> None:
    many = sorted(tag.id for tag in loop.taxonomy().active())[:9]
    describe(loop, ann, many, "described")
    (found,) = effects(loop, ann, Period(clock.moment.date(), clock.moment.date()))
    assert found.tag_ids == many


def test_a_past_period_shows_its_changes_despite_many_later_ones(loop: Tagloop, ann: User, clock: Clock) -> None:
    describe(loop, ann, [TAG], "first")
    day = clock.moment.date()
    clock.move(days=40)
    with loop.database.write() as connection:
        for n in range(60):
            item = replace(taxonomy_store.load(connection).tags["colour.red"], definition=f"{n}")
            taxonomy_store.write(connection, ann, [item], change_id=f"later-{n}")
    (found,) = effects(loop, ann, Period(day - timedelta(days=3), day + timedelta(days=3)))
    assert found.tag_ids == [TAG]
