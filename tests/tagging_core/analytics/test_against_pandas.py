"""Every figure on the pages, recomputed with pandas from the raw events alone."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tagging_core import Tagloop
from tagging_core.analytics import accuracy, productivity, trends
from tagging_core.common.periods import Period
from tagging_core.ledger.rollups.content import Basis
from tests.tagging_core.analytics.conftest import PEOPLE, ZONE

MO = PEOPLE[0]
PERIOD = Period(date(2026, 9, 10), date(2026, 10, 20))
MERGED = {"garment.skirt": "garment.dress"}
NEEDS_TAG = ["accept", "reject", "add", "replace"]


class Raw:
    """Raw events and assets, straight from the database."""

    def __init__(self, loop: Tagloop) -> None:
        with loop.database.read() as connection:
            events = pd.read_sql("select * from events where asset_id is not null order by id", connection)
            self.assets = pd.read_sql("select * from assets", connection, parse_dates=["created_at", "taken_at"])
        events["payload"] = events["payload"].map(lambda raw: json.loads(raw) if isinstance(raw, str) else raw)
        events["payload"] = events["payload"].map(lambda payload: payload or {})
        events["day"] = self.day(pd.to_datetime(events["at"]))
        self.assets["day"] = self.day(self.assets["created_at"])
        undone_ids: set[int] = set()
        for row in events[::-1].itertuples():
            if row.kind == "undo" and row.id not in undone_ids:
                undone_ids.add(int(row.target_id))
        self.undone = events[events["id"].isin(undone_ids)]
        self.undos = events[(events["kind"] == "undo") & ~events["id"].isin(undone_ids)]
        self.effective = events[~events["id"].isin(undone_ids) & (events["kind"] != "undo")]
        is_look = self.effective["payload"].map(lambda payload: "look" in payload)
        self.looks, self.decisions = self.effective[is_look], self.effective[~is_look]

    @staticmethod
    def day(at: pd.Series) -> pd.Series:
        return at.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.date

    def verdicts(self) -> pd.DataFrame:
        """One row per decision and tag: columns id, asset_id, actor, day, profile, tag, value, payload."""
        decided = self.decisions[self.decisions["kind"].isin(NEEDS_TAG)]
        first = decided.assign(
            tag=decided["tag_id"], value=decided["kind"].isin(["accept", "add"]).astype(int), part=0
        )
        replaced = decided[decided["kind"] == "replace"]
        second = replaced.assign(tag=replaced["other_tag_id"], value=1, part=1)
        return pd.concat([first, second]).sort_values(["id", "part"])

    def final(self) -> pd.DataFrame:
        """The latest verdict on each picture and tag."""
        return self.verdicts().drop_duplicates(["asset_id", "tag"], keep="last")

    def finished(self) -> pd.DataFrame:
        """The first completed review of each picture and profile."""
        return self.decisions[self.decisions["kind"] == "done"].drop_duplicates(["asset_id", "profile"])

    def seen(self) -> pd.DataFrame:
        """Suggestions shown to people: columns id, asset_id, day, tag, p; the last showing counts."""
        rows: list[dict[str, Any]] = []
        first_ids = set(self.finished()["id"])
        for e in self.decisions.itertuples():
            found = dict(e.payload.get("rivals", {}))
            if "probability" in e.payload:
                found[e.tag_id] = e.payload["probability"]
            if "instead" in e.payload:
                found[e.other_tag_id] = e.payload["instead"]
            if e.id in first_ids and "blind" not in e.payload:
                found |= e.payload.get("left", {})
            common = {"id": e.id, "asset_id": e.asset_id, "day": e.day, "actor": e.actor, "profile": e.profile}
            rows += [{**common, "tag": tag, "p": p} for tag, p in found.items()]
        return pd.DataFrame(rows).drop_duplicates(["asset_id", "tag"], keep="last")

    def shown(self) -> pd.DataFrame:
        """Outcomes of shown suggestions and missed tags: columns day, actor, profile, tag, p (or NaN), right."""
        final = self.final()
        truth = final[["asset_id", "tag", "value"]]
        seen = self.seen().merge(truth, how="left", on=["asset_id", "tag"])
        seen["right"] = seen["value"] == 1
        given = final[final["value"] == 1].merge(seen[["asset_id", "tag", "p"]], how="left", on=["asset_id", "tag"])
        blind = given["payload"].map(lambda payload: "blind" in payload)
        missed = given[given["p"].isna() & ~blind].assign(right=True)
        columns = ["day", "actor", "profile", "tag", "p", "right"]
        return pd.concat([seen[columns], missed[columns]])

    def blind(self) -> pd.DataFrame:
        rows = []
        verdicts = self.verdicts()
        for e in self.finished().itertuples():
            if "blind" not in e.payload:
                continue
            before = verdicts[(verdicts["asset_id"] == e.asset_id) & (verdicts["id"] < e.id)]
            last = before.drop_duplicates("tag", keep="last")
            given = set(last[last["value"] == 1]["tag"])
            common = {"day": e.day, "actor": e.actor, "profile": e.profile}
            rows += [{**common, "tag": t, "p": p, "right": t in given} for t, p in e.payload["hidden"].items()]
            rows += [{**common, "tag": t, "p": np.nan, "right": True} for t in given - e.payload["hidden"].keys()]
        return pd.DataFrame(rows, columns=["day", "actor", "profile", "tag", "p", "right"])


@cache
def raw(loop: Tagloop) -> Raw:
    return Raw(loop)


def within(table: pd.DataFrame, period: Period = PERIOD) -> pd.DataFrame:
    return table[(table["day"] >= period.first) & (table["day"] <= period.last)]


def outcomes(table: pd.DataFrame) -> dict[str, int]:
    sure, known = table["p"] >= 0.5, table["p"].notna()
    right = table["right"].astype(bool)
    return {
        "right": int((sure & right).sum()),
        "wrong": int((sure & ~right).sum()),
        "right_unsure": int((known & ~sure & right).sum()),
        "wrong_unsure": int((known & ~sure & ~right).sum()),
        "missed": int((~known).sum()),
    }


def as_dict(found: accuracy.Outcomes) -> dict[str, int]:
    names = ("right", "wrong", "right_unsure", "wrong_unsure", "missed")
    return {name: getattr(found, name) for name in names}


def source_table(loop: Tagloop, source: str) -> pd.DataFrame:
    return within(raw(loop).shown() if source == "shown" else raw(loop).blind())


def test_the_archive_covers_every_case(archive: Tagloop) -> None:
    found = raw(archive)
    assert len(within(found.blind())) > 5
    assert len(within(found.shown())) > 20
    assert len(found.looks) > 5
    assert len(found.undone) > 2
    assert (found.decisions["kind"] == "replace").any()


def test_counts(archive: Tagloop) -> None:
    with archive.database.read() as connection:
        found = accuracy.overall(connection, MO, PERIOD)
    data = raw(archive)
    finished, decisions = within(data.finished()), within(data.decisions)
    assert found["upload"] == len(within(data.assets))
    assert found["done"] == len(finished)
    adds = decisions["kind"].isin(["add", "replace"]).sum()
    assert (found["accept"], found["add"]) == ((decisions["kind"] == "accept").sum(), adds)
    assert found["reject"] == decisions["kind"].isin(["reject", "replace"]).sum()


def test_share_of_pictures_accepted_unchanged(archive: Tagloop) -> None:
    with archive.database.read() as connection:
        found = productivity.unchanged_share(accuracy.overall(connection, MO, PERIOD))
    data = raw(archive)
    verdicts = data.verdicts()
    assisted = unchanged = 0
    for done in within(data.finished()).itertuples():
        before = verdicts[(verdicts["asset_id"] == done.asset_id) & (verdicts["id"] < done.id)]
        given = before.drop_duplicates("tag", keep="last")["value"].sum()
        if "blind" in done.payload or not given:
            continue
        typed = before[before["kind"].eq("add") & ~before["payload"].map(lambda p: "probability" in p)]
        assisted += 1
        unchanged += not (len(typed) or before["kind"].eq("replace").any())
    assert found == (unchanged, assisted)
    assert 0 < unchanged < assisted


@pytest.mark.parametrize("source", ["shown", "blind"])
def test_precision_and_recall(archive: Tagloop, source: str) -> None:
    table = source_table(archive, source)
    with archive.database.read() as connection:
        found = accuracy.outcomes(accuracy.overall(connection, MO, PERIOD), source)
    expected = outcomes(table)
    assert as_dict(found) == expected
    opinions = table[table["p"] >= 0.5]
    assert found.precision == pytest.approx(opinions["right"].mean())
    truths = table[table["right"].astype(bool)]
    assert found.recall == pytest.approx((truths["p"] >= 0.5).mean())


@pytest.mark.parametrize("source", ["shown", "blind"])
@pytest.mark.parametrize("subject", ["tag", "category", "actor", "profile"])
def test_precision_and_recall_by_subject(archive: Tagloop, source: str, subject: str) -> None:
    taxonomy = archive.taxonomy()
    table = source_table(archive, source)
    table = table.assign(tag=table["tag"].replace(MERGED))
    table = table.assign(category=table["tag"].map(lambda t: taxonomy.tags[t].category_id))
    with archive.database.read() as connection:
        kinds = accuracy.by(connection, MO, subject, period=PERIOD, taxonomy=taxonomy)
    found = {key: as_dict(accuracy.outcomes(k, source)) for key, k in kinds.items()}
    found = {key: counts for key, counts in found.items() if any(counts.values())}
    assert found == {key: outcomes(part) for key, part in table.groupby(subject)}


@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter"])
def test_precision_over_time(archive: Tagloop, grain: str) -> None:
    table = source_table(archive, "shown")
    period = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q"}[grain]
    starts = pd.PeriodIndex(pd.to_datetime(table["day"]), freq=period).start_time.date
    expected = table[table["p"] >= 0.5].groupby(starts[table["p"] >= 0.5])["right"].agg(["mean", "size"])
    with archive.database.read() as connection:
        found = accuracy.over_time(connection, MO, PERIOD, grain=grain, source="shown")
    assert found["bucket"].tolist() == [day.isoformat() for day in expected.index]
    assert found["precision"].tolist() == pytest.approx(expected["mean"].tolist())
    assert found["opinions"].tolist() == expected["size"].tolist()


def test_reliability_and_coverage(archive: Tagloop) -> None:
    table = source_table(archive, "shown")
    table = table[table["p"].notna()].assign(bin=lambda t: (t["p"] * 100).astype(int).clip(upper=99))
    with archive.database.read() as connection:
        bins = accuracy.bins(connection, MO, PERIOD, source="shown")
    assert int(bins["right"].sum()) == table["right"].sum()
    by_tenth = table.groupby(table["bin"] // 10)["right"].agg(["mean", "size"])
    reliability = accuracy.reliability(bins)
    assert reliability["was"].tolist() == pytest.approx(by_tenth["mean"].tolist())
    assert reliability["n"].tolist() == by_tenth["size"].tolist()
    middle = (table["bin"] + 0.5).div(100).groupby(table["bin"] // 10).mean()
    error = (np.abs(middle - by_tenth["mean"]) * by_tenth["size"]).sum() / len(table)
    assert accuracy.calibration_error(reliability) == pytest.approx(error)
    curve = accuracy.coverage(bins)
    for row in curve.itertuples():
        above = table[table["bin"] >= round(row.threshold * 100)]
        assert (row.coverage, row.right) == pytest.approx((len(above) / len(table), above["right"].mean()))
    best = accuracy.lowest_safe_threshold(curve, 0.1)
    assert best is not None
    assert best["coverage"] == curve[(curve["right"] >= 0.1) & (curve["n"] >= accuracy.ENOUGH)]["coverage"].max()
    assert accuracy.lowest_safe_threshold(curve, 1.0) is None  # too few correct ones to promise that


def test_confused_tags(archive: Tagloop) -> None:
    pairs = []
    for e in within(raw(archive).decisions).itertuples():
        rivals = e.payload.get("rivals", {})
        if e.kind == "replace" and "probability" in e.payload:
            pairs.append((e.tag_id, e.other_tag_id))
        elif rivals and max(rivals.values()) > e.payload.get("probability", 0.0):
            pairs.append((max(rivals, key=lambda r: (rivals[r], r)), e.tag_id))
    table = pd.DataFrame(pairs, columns=["suggested", "given"]).replace(MERGED)
    table = table[table["suggested"] != table["given"]]
    expected = table.value_counts()
    with archive.database.read() as connection:
        found = accuracy.confusions(connection, MO, PERIOD, taxonomy=archive.taxonomy())
    assert {(a, b): n for a, b, n in found} == expected.to_dict()
    assert found


def test_reviewer_statistics(archive: Tagloop) -> None:
    with archive.database.read() as connection:
        found = productivity.people(connection, MO, PERIOD).set_index("person")
    data = raw(archive)
    closed = within(data.effective[data.effective["kind"].isin(["done", "skip", "flag"])])
    closed = closed[closed["seconds"] > 0]
    verdicts = data.verdicts()
    changed = []
    for _, part in verdicts.groupby(["asset_id", "tag"]):
        rows = list(part.itertuples())
        changed += [a for a, b in pairwise(rows) if a.value != b.value and a.actor != b.actor]
    undone = data.undone[data.undone["kind"].isin(NEEDS_TAG)]
    undone = undone[~undone["payload"].map(lambda payload: "look" in payload)]
    by_others = undone.merge(data.undos[["target_id", "actor"]], left_on="id", right_on="target_id")
    by_others = by_others[by_others["actor_x"] != by_others["actor_y"]]
    verdict_counts = by_others["kind"].map(lambda kind: 2 if kind == "replace" else 1)
    overturned = within(pd.DataFrame([{"actor": a.actor, "day": a.day} for a in changed]))
    for person, row in found.iterrows():
        mine = closed[closed["actor"] == person]
        finished = within(data.finished())
        assert row["pictures"] == (finished["actor"] == person).sum()
        assert row["closed"] == len(mine)
        assert row["hours"] == pytest.approx(mine["seconds"].clip(upper=300).sum() / 3600)
        theirs = (by_others["actor_x"] == person) & (by_others["day"].between(PERIOD.first, PERIOD.last))
        given = (within(verdicts)["actor"] == person).sum() + verdict_counts[theirs].sum()
        assert row["given"] == given
        expected = (overturned["actor"] == person).sum() + verdict_counts[theirs].sum()
        assert (row["changed"] or 0) * given == pytest.approx(expected)


def test_agreement_counts_for_both_reviewers(archive: Tagloop) -> None:
    data = raw(archive)
    agreed: dict[str, int] = {}
    compared: dict[str, int] = {}
    for look in within(data.looks[data.looks["kind"] == "done"]).itertuples():
        before = data.decisions[(data.decisions["asset_id"] == look.asset_id) & (data.decisions["id"] < look.id)]
        first = before[before["kind"] == "done"]["actor"].tail(1).tolist()
        same, other = len(look.payload["agreed"]), len(look.payload["differs"])
        for actor in {look.actor, *first}:
            agreed[actor] = agreed.get(actor, 0) + same
            compared[actor] = compared.get(actor, 0) + same + other
    with archive.database.read() as connection:
        found = productivity.people(connection, MO, PERIOD).set_index("person")
    assert {p: n for p, n in found["compared"].items() if n} == {p: n for p, n in compared.items() if n}
    for person, n in compared.items():
        if n:
            assert found.loc[person, "agreement"] == pytest.approx(agreed[person] / n)


def test_review_times_and_savings(archive: Tagloop) -> None:
    with archive.database.read() as connection:
        found = productivity.times(accuracy.overall(connection, MO, PERIOD))
    done = within(raw(archive).decisions)
    done = done[(done["kind"] == "done") & (done["seconds"] > 0)]
    blind = done["payload"].map(lambda payload: "blind" in payload)
    seconds = done["seconds"].clip(upper=300)
    assert found.suggested.value == pytest.approx(seconds[~blind].mean())
    assert found.alone.n == blind.sum()
    assert found.alone.value == pytest.approx(seconds[blind].mean())
    spread = seconds[~blind].std() / (~blind).sum() ** 0.5
    assert found.suggested.high is not None
    assert found.suggested.high > found.suggested.value + 1.96 * spread
    saved = productivity.estimate_savings(found, by_hand=60.0)
    assert saved is not None
    assert saved.hours == pytest.approx((60.0 - seconds[~blind]).sum() / 3600)
    assert not saved.measured


@pytest.mark.parametrize("part", ["", "e-commerce"])
@pytest.mark.parametrize("basis", [Basis.UPLOADED, Basis.REVIEWED])
def test_content_trends(archive: Tagloop, basis: Basis, part: str) -> None:
    data = raw(archive)
    done = data.decisions[(data.decisions["kind"] == "done") & ((data.decisions["profile"] == part) | (part == ""))]
    done = done.drop_duplicates("asset_id", keep="last").set_index("asset_id")
    days = data.assets.set_index("id")["day"] if basis == Basis.UPLOADED else done["day"]
    inside = [a for a in done.index if PERIOD.first <= days[a] <= PERIOD.last]
    final = data.final()
    given = final[(final["value"] == 1) & final["asset_id"].isin(inside)].replace({"tag": MERGED})
    expected = given.drop_duplicates(["asset_id", "tag"])["tag"].value_counts().to_dict()
    with archive.database.read() as connection:
        found = trends.load(connection, MO, basis, period=PERIOD, part=part)
        table = trends.series(found, {"red": ["colour.red"]}, "week")
        parts = trends.by_category(found, archive.taxonomy(), "quarter")
    assert found.total == len(inside)
    assert found.counts() == expected
    assert int(table["n"].sum()) == expected.get("colour.red", 0)
    weeks = pd.PeriodIndex(pd.to_datetime(days[inside]), freq="W-SUN").start_time.date
    assert table.set_index("bucket")["of"].to_dict() == {
        w.isoformat(): n for w, n in pd.Series(weeks).value_counts().items()
    }
    categories = pd.Series(expected).groupby(lambda t: archive.taxonomy().tags[t].category_id).sum()
    assert parts.groupby("category_id")["n"].sum().to_dict() == categories.to_dict()


def test_effective_sample_size_uses_kishs_design_effect(archive: Tagloop) -> None:
    with archive.database.read() as connection:
        found = trends.load(connection, MO, Basis.REVIEWED, period=PERIOD)
    data = raw(archive)
    done = data.decisions[data.decisions["kind"] == "done"].drop_duplicates("asset_id", keep="last")
    done = within(done).set_index("asset_id")["day"]
    final = data.final()
    red = set(final[(final["value"] == 1) & (final["tag"] == "colour.red")]["asset_id"])
    table = pd.DataFrame({"day": done, "x": [float(a in red) for a in done.index]})
    table = table.groupby("day")["x"].agg(["sum", "size"])
    p, total, n = table["sum"].sum() / table["size"].sum(), table["size"].sum(), len(table)
    between = ((table["sum"] - p * table["size"]) ** 2).sum() * n / (n - 1) / total**2
    effect = max(1.0, between / (p * (1 - p) / total))
    assert found.shares(["colour.red"]).effective[0] == pytest.approx(total / effect)
