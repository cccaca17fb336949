"""Accuracy of the model: precision, recall, calibration, and the share that could be accepted without review.

The blind sample, reviewed without suggestions, gives unbiased estimates. Those from shown suggestions are too high,
because reviewers tend to accept what they are shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from tagging_core.common import periods
from tagging_core.common.intervals import wilson
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.reader import Kinds
from tagging_core.ledger.rollups.tally import BINS, BLIND, SHOWN
from tagging_core.taxonomy.model import Taxonomy

TARGETS = (0.95, 0.97, 0.99)
"""Precision targets for which the share that could be accepted without review is reported."""

ENOUGH = 30
"""Blind judgements from which they are preferred to shown ones: a 95 % interval of about ±18 points."""


_DIAGRAM_BINS = 10


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of suggestions; those with a probability of at least `tally.SURE` are positive predictions.

    Attributes:
        source: `blind` or `shown`: whether reviewers saw the suggestions.
        right: True positives.
        wrong: False positives.
        right_unsure: Correct suggestions below SURE.
        wrong_unsure: Wrong suggestions below SURE.
        missed: Tags that apply but were not suggested.
    """

    source: str
    right: int = 0
    wrong: int = 0
    right_unsure: int = 0
    wrong_unsure: int = 0
    missed: int = 0

    @property
    def opinions(self) -> int:
        """Number of positive predictions, the denominator of precision."""
        return self.right + self.wrong

    @property
    def truths(self) -> int:
        """Number of tags that apply, the denominator of recall."""
        return self.right + self.right_unsure + self.missed

    @property
    def precision(self) -> float | None:
        """Share of positive predictions that are right, in [0, 1]; None without any."""
        return self.right / self.opinions if self.opinions else None

    @property
    def recall(self) -> float | None:
        """Share of the tags that apply which were predicted, in [0, 1]; None without any."""
        return self.right / self.truths if self.truths else None

    @property
    def precision_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the precision."""
        return wilson(self.right, self.opinions)

    @property
    def recall_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the recall."""
        return wilson(self.right, self.truths)

    @property
    def is_blind(self) -> bool:
        """Whether the outcomes come from the blind sample."""
        return self.source == BLIND


def outcomes(kinds: Kinds, source: str) -> Outcomes:
    """Return the outcomes of a source, `blind` or `shown`, from counts."""
    get = kinds.get
    names = ("right", "wrong", "right.unsure", "wrong.unsure", "missed")
    return Outcomes(source, *(max(0, get(f"{source}.{name}", 0)) for name in names))


def best_outcomes(kinds: Kinds) -> Outcomes:
    """Return blind outcomes if there are at least ENOUGH predictions, else shown ones."""
    blind = outcomes(kinds, BLIND)
    return blind if blind.opinions >= ENOUGH else outcomes(kinds, SHOWN)


def overall(connection: Connection, user: User, period: Period) -> Counter[str]:
    """Return all counts of a period, for `best_outcomes` and `outcomes`."""
    require(user, Action.REPORT)
    return reader.totals(connection, "all", period).get("", Counter())


def by(connection: Connection, user: User, subject: str, *, period: Period, taxonomy: Taxonomy) -> dict[str, Kinds]:
    """Return the counts of a period, grouped.

    Args:
        subject: Grouping: `tag`, `category`, `profile`, `actor` or `model`.
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
    connection: Connection,
    user: User,
    period: Period,
    *,
    grain: str,
    source: str,
    subject: str = "all",
    key: str = "",
) -> pd.DataFrame:
    """Return precision and recall over time.

    Args:
        connection: A read transaction.
        user: Needs the right to read reports.
        period: Days in the installation's time zone, both ends included.
        grain: `day`, `week`, `month` or `quarter`.
        source: `blind` or `shown`.
        subject: Grouping that `key` belongs to, such as `tag`; see `ledger.rollups.tally`.
        key: One of the group's keys, such as a tag id; empty with the subject `all`.

    Returns:
        A row per bucket with predictions, in order of time: bucket (its first day), opinions, precision, low and
        high (95 % bounds), truths and recall; shares in [0, 1].

    Raises:
        NotAllowedError: The user may not read reports.
    """
    require(user, Action.REPORT)
    found: dict[str, Counter[str]] = {}
    for day, kinds in reader.by_day(connection, subject, period, keys=[key]).items():
        found.setdefault(periods.bucket(day, grain), Counter()).update(kinds)
    rows = [
        (bucket, o.opinions, o.precision, *o.precision_interval, o.truths, o.recall)
        for bucket in periods.buckets(period, grain)
        if bucket in found and (o := outcomes(found[bucket], source)).opinions
    ]
    return pd.DataFrame(rows, columns=["bucket", "opinions", "precision", "low", "high", "truths", "recall"])


def bins(connection: Connection, user: User, period: Period, *, source: str) -> pd.DataFrame:
    """Return counts by predicted probability: columns probability (midpoint of a 0.01-wide bin), right, wrong."""
    require(user, Action.REPORT)
    found = reader.totals(connection, "bin", period)
    rows = [
        ((n + 0.5) / BINS, kinds.get("right", 0), kinds.get("wrong", 0))
        for n in range(BINS)
        if (kinds := found.get(f"{source}.{n:02d}")) and sum(kinds.values()) > 0
    ]
    return pd.DataFrame(rows, columns=["probability", "right", "wrong"])


def reliability(table: pd.DataFrame) -> pd.DataFrame:
    """Return the reliability diagram.

    Args:
        table: Result of `bins`.

    Returns:
        A row per non-empty bin of width 0.1: said (mean predicted probability), was (observed share right), low and
        high (95 % bounds) and n.
    """
    parts = []
    for _, part in table.groupby((table["probability"] * _DIAGRAM_BINS).astype(int)):
        right, n = int(part["right"].sum()), int((part["right"] + part["wrong"]).sum())
        mean_predicted = float((part["probability"] * (part["right"] + part["wrong"])).sum() / n)
        parts.append((mean_predicted, right / n, *wilson(right, n), n))
    return pd.DataFrame(parts, columns=["said", "was", "low", "high", "n"])


def calibration_error(table: pd.DataFrame) -> float | None:
    """Return the expected calibration error of a `reliability` table, in [0, 1]; None if it is empty."""
    if table.empty:
        return None
    return float(((table["said"] - table["was"]).abs() * table["n"]).sum() / table["n"].sum())


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Return coverage and precision of accepting all suggestions above each threshold.

    Args:
        table: Result of `bins`.

    Returns:
        Columns threshold (descending), coverage (share of all suggestions), right (precision), low and high (95 %
        bounds) and n.
    """
    descending = table.sort_values("probability", ascending=False)
    right = descending["right"].to_numpy().cumsum()
    n = (descending["right"] + descending["wrong"]).to_numpy().cumsum()
    bounds = [wilson(int(r), int(m)) for r, m in zip(right, n, strict=True)]
    return pd.DataFrame(
        {
            "threshold": descending["probability"].to_numpy() - 0.5 / BINS,
            "coverage": n / max(1, n[-1]) if len(n) else np.zeros(0),
            "right": right / np.maximum(n, 1),
            "low": [low for low, _ in bounds],
            "high": [high for _, high in bounds],
            "n": n,
        }
    )


def lowest_safe_threshold(curve: pd.DataFrame, target: float) -> pd.Series | None:
    """Return the `coverage` row with the lowest threshold that reaches a target precision, n >= ENOUGH; or None."""
    candidates = curve[(curve["right"] >= target) & (curve["n"] >= ENOUGH)]
    return None if candidates.empty else candidates.iloc[-1]


def confusions(
    connection: Connection, user: User, period: Period, *, taxonomy: Taxonomy, limit: int = 15
) -> list[tuple[str, str, int]]:
    """Return (suggested tag, tag given instead, count), most frequent first."""
    require(user, Action.REPORT)
    counts: Counter[tuple[str, str]] = Counter()
    for key, kinds in reader.totals(connection, "pair", period).items():
        suggested, given = (taxonomy.redirects.resolve(part) for part in key.split(">"))
        if suggested in taxonomy.tags and given in taxonomy.tags and suggested != given:
            counts[suggested, given] += kinds["mistaken"]
    return [(*pair, n) for pair, n in counts.most_common(limit) if n > 0]
