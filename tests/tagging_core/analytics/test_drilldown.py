"""The pictures behind a figure match the figure."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.analytics import accuracy, drilldown, trends
from tagging_core.analytics.drilldown import DrilldownQuery
from tagging_core.common.periods import Period
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.content import Basis
from tests.conftest import BLUE, GREEN, RED, ingest
from tests.tagging_core.analytics.conftest import PEOPLE
from tests.tagging_core.analytics.test_against_pandas import PERIOD, Raw, raw, within

MO = PEOPLE[0]
KINDS = ["done", "accept", "reject", "add", "unchanged", "assisted", "agree", "differ"]
OUTCOMES = [f"{s}.{o}" for s in ("shown", "blind") for o in ("right", "wrong", "missed")]


def find(loop: Tagloop, query: DrilldownQuery) -> list[int]:
    with loop.database.read() as connection:
        return drilldown.find(connection, MO, query, taxonomy=loop.taxonomy())


@pytest.mark.parametrize("what", KINDS + OUTCOMES)
def test_pictures_behind_a_figure_of_a_period(archive: Tagloop, what: str) -> None:
    with archive.database.read() as connection:
        n = accuracy.overall(connection, MO, PERIOD)[what]
    found = find(archive, DrilldownQuery(PERIOD, what=what))
    assert len(found) == len(set(found))
    assert bool(found) == bool(n)
    assert len(found) <= n
    if what in ("done", "assisted", "unchanged"):
        profiles = {a: set(p["profile"]) for a, p in within(raw(archive).finished()).groupby("asset_id")}
        assert sum(len(profiles[a]) for a in found) >= n


@pytest.mark.parametrize("what", ["accept", "add", "shown.right", "shown.wrong", "shown.missed", "blind.right"])
def test_pictures_behind_a_figure_of_a_tag(archive: Tagloop, what: str) -> None:
    taxonomy = archive.taxonomy()
    with archive.database.read() as connection:
        counts = {t: k[what] for t, k in reader.of_tags(connection, PERIOD, taxonomy.redirects).items()}
    for tag_id, n in counts.items():
        found = find(archive, DrilldownQuery(PERIOD, what=what, tag_ids=(tag_id,)))
        assert (len(found) <= n, bool(found)) == (True, bool(n)), tag_id


@pytest.mark.parametrize("basis", [Basis.UPLOADED, Basis.REVIEWED])
def test_pictures_with_a_tag_match_the_trend_counts(
    archive: Tagloop, basis: Basis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with archive.database.read() as connection:
        content = trends.load(connection, MO, basis, period=PERIOD)
    for tag_id, n in content.counts().items():
        for rare in (0, 5_000):  # both query strategies
            monkeypatch.setattr(drilldown, "_MAX_RARE", rare)
            assert len(find(archive, DrilldownQuery(PERIOD, basis, (tag_id,)))) == n
    assert len(find(archive, DrilldownQuery(PERIOD, basis))) == content.total


def test_pictures_by_confidence(archive: Tagloop) -> None:
    seen = within(raw(archive).seen())
    for low in range(0, 100, 10):
        mine = seen[(seen["p"] * 100 >= low) & (seen["p"] * 100 < low + 10)]
        found = find(archive, DrilldownQuery(PERIOD, what="shown", bins=(low, low + 10)))
        assert set(found) == set(mine["asset_id"])


def test_pictures_by_person_and_by_batch(archive: Tagloop) -> None:
    data: Raw = raw(archive)
    for person in ("Ann", "Bob", "Cem"):
        mine = within(data.finished())
        mine = mine[mine["actor"] == person]
        assert set(find(archive, DrilldownQuery(PERIOD, what="done", actor=person))) == set(mine["asset_id"])
    finished = set(data.finished()["asset_id"])
    assert set(find(archive, DrilldownQuery(batch_id=3))) == {3} & finished


def test_confused_tags_lead_to_their_pictures(archive: Tagloop) -> None:
    with archive.database.read() as connection:
        found = accuracy.confusions(connection, MO, PERIOD, taxonomy=archive.taxonomy())
    for suggested, given, n in found:
        pictures = find(archive, DrilldownQuery(PERIOD, what="mistaken", tag_ids=(suggested,), given=given))
        assert 1 <= len(pictures) <= n


def test_pages_list_the_latest_pictures_first(loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = ingest(loop, ann, RED, GREEN, BLUE)
    for asset in pictures:
        loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
        loop.review.decide(ann, Decision(Kind.DONE, asset, profile="general"))
    monkeypatch.setattr(drilldown, "PAGE", 2)
    month = Period(date.today() - timedelta(days=15), date.today() + timedelta(days=15))
    for query in (DrilldownQuery(month), DrilldownQuery(month, what="done"), DrilldownQuery(month, what="upload")):
        with loop.database.read() as connection:
            pages = [
                drilldown.find(connection, ann, query, taxonomy=loop.taxonomy(), skip=skip) for skip in (0, 2, 4)
            ]
        assert pages == [pictures[:0:-1], pictures[:1], []]


def test_undone_decisions_are_not_found(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    event = loop.review.decide(ann, Decision(Kind.ADD, asset, "colour.red", profile="e-commerce"))
    assert find(loop, DrilldownQuery(what="add", tag_ids=("colour.red",))) == [asset]
    loop.review.undo(ann, event)
    assert find(loop, DrilldownQuery(what="add", tag_ids=("colour.red",))) == []
