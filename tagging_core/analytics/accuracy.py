"""How far the machine can be trusted: precision, recall, calibration, and what could be accepted unseen.

The blind sample tells it honestly: people did not see what the machine would have suggested. What is told of shown
suggestions is "as shown": who sees a suggestion is inclined to accept it, so the truth is rather a little lower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from tagging_core.analytics.drilldown import event_ids
from tagging_core.common import periods
from tagging_core.common.intervals import Interval, proportion_change, wilson
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger import taxonomy_history
from tagging_core.ledger.events import Kind
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.reader import Kinds
from tagging_core.ledger.rollups.tally import BINS, BLIND, SHOWN
from tagging_core.ledger.taxonomy_history import LibraryAct
from tagging_core.storage import key_values
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Tag, Taxonomy

TARGETS = (0.95, 0.97, 0.99)
"""Shares right at which it is told what could be accepted unseen."""

ENOUGH = 30
"""Blind judgements from which they are preferred to what was shown: an interval of about 18 points either way."""

AROUND = 30
"""Days before and after a change of the library that are compared."""

_PARTS = 10  # of the reliability diagram
_MANY = 1_000  # tags of one change


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of suggestions; a suggestion is the machine's opinion from `tallies.SURE` on.

    Attributes:
        source: `blind`, or `shown` where people saw them.
        right: Opinions that were right.
        wrong: Opinions that were wrong.
        right_unsure: Right suggestions below that.
        wrong_unsure: Wrong suggestions below that.
        missed: Tags that were not suggested and yet apply.
    """

    source: str
    right: int = 0
    wrong: int = 0
    right_unsure: int = 0
    wrong_unsure: int = 0
    missed: int = 0

    @property
    def opinions(self) -> int:
        """Suggestions that precision is told from."""
        return self.right + self.wrong

    @property
    def truths(self) -> int:
        """Tags that apply, which recall is told from."""
        return self.right + self.right_unsure + self.missed

    @property
    def precision(self) -> float | None:
        """Share of opinions that were right, in [0, 1]; None without any."""
        return self.right / self.opinions if self.opinions else None

    @property
    def recall(self) -> float | None:
        """Share of the tags that apply of which the machine was of the opinion, in [0, 1]; None without any."""
        return self.right / self.truths if self.truths else None

    @property
    def precision_interval(self) -> tuple[float, float]:
        """95 % interval of the precision."""
        return wilson(self.right, self.opinions)

    @property
    def recall_interval(self) -> tuple[float, float]:
        """95 % interval of the recall."""
        return wilson(self.right, self.truths)

    @property
    def is_blind(self) -> bool:
        """Whether people did not see the suggestions."""
        return self.source == BLIND


def outcomes(kinds: Kinds, source: str) -> Outcomes:
    """The outcomes of a source among figures."""
    get = kinds.get
    names = ("right", "wrong", "right.unsure", "wrong.unsure", "missed")
    return Outcomes(source, *(max(0, get(f"{source}.{name}", 0)) for name in names))


def honest(kinds: Kinds) -> Outcomes:
    """The blind sample's outcomes if they are ENOUGH, else those of shown suggestions."""
    blind = outcomes(kinds, BLIND)
    return blind if blind.opinions >= ENOUGH else outcomes(kinds, SHOWN)


def overall(connection: Connection, user: User, period: Period) -> Counter[str]:
    """All figures of a period, for `honest` and `outcomes`."""
    require(user, Action.REPORT)
    return reader.totals(connection, "all", period).get("", Counter())


def by(connection: Connection, user: User, subject: str, period: Period, taxonomy: Taxonomy) -> dict[str, Kinds]:
    """Figures of a period by what is told apart.

    Args:
        subject: `tag`, `category`, `profile`, `actor` or `model`.
    """
    require(user, Action.REPORT)
    if subject not in ("tag", "category"):
        return dict(reader.totals(connection, subject, period))
    tags = {t: k for t, k in reader.of_tags(connection, period, taxonomy.redirects).items() if t in taxonomy.tags}
    if subject == "tag":
        return dict(tags)
    found: dict[str, Counter[str]] = {}
    for tag_id, kinds in tags.items():
        found.setdefault(taxonomy.tags[tag_id].category_id, Counter()).update(kinds)
    return dict(found)


def over_time(
    connection: Connection, user: User, period: Period, grain: str, source: str, subject: str = "all", key: str = ""
) -> pd.DataFrame:
    """Precision and recall by bucket, those without any opinion left out.

    Returns:
        Columns bucket (its first day), opinions, precision, low, high, truths and recall; shares in [0, 1].
    """
    require(user, Action.REPORT)
    found: dict[str, Counter[str]] = {}
    for day, kinds in reader.by_day(connection, subject, period, [key]).items():
        found.setdefault(periods.bucket(day, grain), Counter()).update(kinds)
    rows = [
        (bucket, o.opinions, o.precision, *o.precision_interval, o.truths, o.recall)
        for bucket in periods.buckets(period, grain)
        if bucket in found and (o := outcomes(found[bucket], source)).opinions
    ]
    return pd.DataFrame(rows, columns=["bucket", "opinions", "precision", "low", "high", "truths", "recall"])


def bins(connection: Connection, user: User, period: Period, source: str) -> pd.DataFrame:
    """Suggestions by confidence in hundredths: columns probability (middle of each), right and wrong."""
    require(user, Action.REPORT)
    found = reader.totals(connection, "bin", period)
    rows = [
        ((n + 0.5) / BINS, kinds.get("right", 0), kinds.get("wrong", 0))
        for n in range(BINS)
        if (kinds := found.get(f"{source}.{n:02d}")) and sum(kinds.values()) > 0
    ]
    return pd.DataFrame(rows, columns=["probability", "right", "wrong"])


def reliability(table: pd.DataFrame) -> pd.DataFrame:
    """How often suggestions of about the same confidence were right.

    Args:
        table: Of `bins`.

    Returns:
        Columns said (mean confidence), was (share right), low, high and n; a row for each tenth that has any.
    """
    parts = []
    for _, part in table.groupby((table["probability"] * _PARTS).astype(int)):
        right, n = int(part["right"].sum()), int((part["right"] + part["wrong"]).sum())
        said = float((part["probability"] * (part["right"] + part["wrong"])).sum() / n)
        parts.append((said, right / n, *wilson(right, n), n))
    return pd.DataFrame(parts, columns=["said", "was", "low", "high", "n"])


def calibration_error(table: pd.DataFrame) -> float | None:
    """Expected calibration error over the rows of `reliability`, in [0, 1]; 0 is perfect, None without any."""
    if table.empty:
        return None
    return float(((table["said"] - table["was"]).abs() * table["n"]).sum() / table["n"].sum())


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """What accepting everything above a confidence would do, from the surest down.

    Args:
        table: Of `bins`.

    Returns:
        Columns threshold, coverage (share of all suggestions), right (share right among them), low, high and n.
    """
    down = table.sort_values("probability", ascending=False)
    right = down["right"].to_numpy().cumsum()
    n = (down["right"] + down["wrong"]).to_numpy().cumsum()
    limits = [wilson(int(r), int(m)) for r, m in zip(right, n, strict=True)]
    return pd.DataFrame(
        {
            "threshold": down["probability"].to_numpy() - 0.5 / BINS,
            "coverage": n / max(1, n[-1]) if len(n) else np.zeros(0),
            "right": right / np.maximum(n, 1),
            "low": [low for low, _ in limits],
            "high": [high for _, high in limits],
            "n": n,
        }
    )


def unseen(curve: pd.DataFrame, target: float) -> pd.Series | None:
    """The row of `coverage` that accepts most with a target share right, of at least ENOUGH; None if none does."""
    enough = curve[(curve["right"] >= target) & (curve["n"] >= ENOUGH)]
    return None if enough.empty else enough.iloc[-1]


def confusions(
    connection: Connection, user: User, period: Period, taxonomy: Taxonomy, limit: int = 15
) -> list[tuple[str, str, int]]:
    """Tags the machine took for one another: suggested, given in its place, how often; most first."""
    require(user, Action.REPORT)
    counts: Counter[tuple[str, str]] = Counter()
    for key, kinds in reader.totals(connection, "pair", period).items():
        suggested, given = (taxonomy.redirects.resolve(part) for part in key.split(">"))
        if suggested in taxonomy.tags and given in taxonomy.tags and suggested != given:
            counts[suggested, given] += kinds["mistaken"]
    return [(*pair, n) for pair, n in counts.most_common(limit) if n > 0]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of the library did to the tags it touched.

    Attributes:
        before: Outcomes of shown suggestions in the AROUND days before.
        after: In as many days from then on.
        change: Of the precision, with its 95 % interval.
    """

    act: LibraryAct
    tag_ids: list[str]
    before: Outcomes
    after: Outcomes
    change: Interval


def effects_of_changes(
    connection: Connection, user: User, period: Period, taxonomy: Taxonomy, limit: int = 12
) -> list[Effect]:
    """The library's latest changes in a period, with the precision of the tags concerned before and after."""
    require(user, Action.REPORT)
    zone = key_values.zone_of(connection)
    day_of = periods.day_in(zone)
    found = []
    first, last = event_ids(connection, period)
    for act in taxonomy_history.recent(connection, 2 * limit, before=last + 1):
        day = date.fromisoformat(day_of(act.at))
        tag_ids = sorted({t for t in map(taxonomy.redirects.resolve, _touched(connection, act)) if t})
        if act.event_id < first or not tag_ids:
            continue
        keys = [key for tag_id in tag_ids for key in reader.sources(tag_id, taxonomy.redirects)]
        around = (
            Period(day - timedelta(days=AROUND), day - timedelta(days=1)),
            Period(day, day + timedelta(days=AROUND - 1)),
        )
        before, after = (outcomes(_sum(reader.by_day(connection, "tag", p, keys).values()), SHOWN) for p in around)
        change = proportion_change((before.right, after.right), (before.opinions, after.opinions))
        found.append(Effect(act, tag_ids, before, after, change))
    return found[:limit]


def _touched(connection: Connection, act: LibraryAct) -> list[str]:
    """The tags that an act changed, of which it names the first few only; at most _MANY."""
    if not act.id:
        return [change.after.id for change in act.changes if isinstance(change.after, Tag)]
    query = select(events.c.tag_id).where(events.c.act == act.id, events.c.kind == Kind.TAG)
    return list(connection.execute(query.limit(_MANY)).scalars())


def _sum(parts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total
