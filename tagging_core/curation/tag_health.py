"""Health of tags: usage, growth, precision, disagreement and examples, read from rollups and stored logits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection, case, func, select

from tagging_core.common import periods
from tagging_core.common.intervals import wilson
from tagging_core.common.periods import Period
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.calibration_data import load_held_out
from tagging_core.learning.classifier import sigmoid
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.training_set import ExampleKind
from tagging_core.ledger import label_queries, taxonomy_store
from tagging_core.ledger.rollups import reader
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import daily
from tagging_core.taxonomy.redirects import TagRedirects

PERIOD = 30
"""Length in days of the periods compared for growth."""

_YEAR = 365
_POSITIVE = ("accept", "add", "unseen")
_KINDS = (*_POSITIVE, "reject", "agree", "differ")


@dataclass(frozen=True, slots=True)
class Health:
    """Health of one tag.

    Attributes:
        pictures: Number of pictures with the tag.
        rejected: Number of pictures on which it was rejected.
        given: Times it was accepted or added in the last PERIOD days.
        given_before: The same in the PERIOD days before.
        right: Suggestions accepted in the last 365 days.
        judged: Suggestions accepted or rejected in the last 365 days.
        differed: Second opinions that disagreed on the tag.
        compared: Second opinions on the tag.
    """

    pictures: int = 0
    rejected: int = 0
    given: int = 0
    given_before: int = 0
    right: int = 0
    judged: int = 0
    differed: int = 0
    compared: int = 0

    @property
    def precision(self) -> float | None:
        """Share of judged suggestions that were accepted, in [0, 1]; None without any."""
        return self.right / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the precision."""
        return wilson(self.right, self.judged)

    @property
    def disagreement(self) -> float | None:
        """Share of second opinions that differed, in [0, 1]; None without any."""
        return self.differed / self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class Example:
    """A positive example of a tag and its leave-one-out probability, in (0, 1)."""

    asset_id: int
    probability: float


def load(connection: Connection, tag_ids: Sequence[str], redirects: TagRedirects) -> dict[str, Health]:
    """Return the health of tags, including tags merged into them; tags without decisions have zero counts."""
    counts = taxonomy_store.counts(connection, tag_ids)
    recent, before, year = _day(connection, PERIOD), _day(connection, 2 * PERIOD), _day(connection, _YEAR)
    owner = {key: tag_id for tag_id in tag_ids for key in reader.sources(tag_id, redirects)}
    keys = list(owner)
    sums: dict[str, Counter[str]] = {tag_id: Counter() for tag_id in tag_ids}
    for start in range(0, len(keys), 500):
        chunk = keys[start : start + 500]
        period = case((daily.c.day >= recent, "now"), (daily.c.day >= before, "before"), else_="earlier")
        query = select(daily.c.key, daily.c.kind, period, func.sum(daily.c.n)).where(
            daily.c.subject == "tag", daily.c.key.in_(chunk), daily.c.day >= year, daily.c.kind.in_(_KINDS)
        )
        for key, kind, when, n in connection.execute(query.group_by(daily.c.key, daily.c.kind, period)):
            counter = sums[owner[key]]
            counter[kind] += int(n)
            if kind in _POSITIVE:
                counter[when] += int(n)
    return {tag_id: _health(counts.get(tag_id, (0, 0)), found) for tag_id, found in sums.items()}


def _health(counts: tuple[int, int], sums: Counter[str]) -> Health:
    get = sums.get
    right, wrong, differ = get("accept", 0), get("reject", 0), get("differ", 0)
    return Health(
        pictures=counts[0],
        rejected=counts[1],
        given=get("now", 0),
        given_before=get("before", 0),
        right=right,
        judged=right + wrong,
        differed=differ,
        compared=differ + get("agree", 0),
    )


def growing(connection: Connection, redirects: TagRedirects, limit: int = 200) -> list[str]:
    """Return tags used more often in the last PERIOD days than in the PERIOD before, largest increase first."""
    recent, before = _day(connection, PERIOD), _day(connection, 2 * PERIOD)
    signed = func.sum(case((daily.c.day >= recent, daily.c.n), else_=-daily.c.n))
    query = select(daily.c.key, signed).where(
        daily.c.subject == "tag", daily.c.day >= before, daily.c.kind.in_(_POSITIVE)
    )
    found: Counter[str] = Counter()
    for key, increase in connection.execute(query.group_by(daily.c.key)):
        found[redirects.resolve(key) or ""] += int(increase)
    return [tag_id for tag_id, increase in found.most_common(limit) if tag_id and increase > 0]


def curve(connection: Connection, tag_id: str, redirects: TagRedirects, *, weeks: int = 26) -> pd.DataFrame:
    """Return weekly precision: columns week (its Monday), right, judged, precision, low and high (95 % bounds)."""
    period = Period.latest(7 * weeks, key_values.today(connection))
    found: dict[str, Counter[str]] = {}
    for day, kinds in reader.by_day(connection, "tag", period, keys=reader.sources(tag_id, redirects)).items():
        found.setdefault(periods.bucket(day, "week"), Counter()).update(kinds)
    rows = [
        (week, kinds["accept"], judged, kinds["accept"] / judged, *wilson(kinds["accept"], judged))
        for week, kinds in sorted(found.items())
        if (judged := kinds["accept"] + kinds["reject"]) > 0
    ]
    return pd.DataFrame(rows, columns=["week", "right", "judged", "precision", "low", "high"])


def examples(
    connection: Connection, library: TagLibrary, tag_id: str, *, limit: int = 8
) -> tuple[list[Example], list[Example]]:
    """Return a tag's positive examples with the highest and with the lowest leave-one-out probabilities.

    Decisions made since the last fit are not included.
    """
    rows = load_held_out(connection, library.fingerprint, [tag_id]).get(tag_id)
    if rows is None:
        return [], []
    positive = np.sort(rows[rows["kind"] == ExampleKind.POSITIVE], order="logit")
    still_positive = label_queries.decided_assets(connection, tag_id, positive["asset"].tolist(), value=1)
    p = sigmoid(positive["logit"].astype(np.float64)).tolist()
    confirmed = [Example(a, x) for a, x in zip(positive["asset"].tolist(), p, strict=True) if a in still_positive]
    doubtful = confirmed[: min(limit, len(confirmed) // 2)]
    return confirmed[::-1][: min(limit, len(confirmed) - len(doubtful))], doubtful


def _day(connection: Connection, span: int) -> str:
    return Period.latest(span, key_values.today(connection)).bounds[0]


class TagHealthService:
    """Reads the health of tags."""

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._model = database, model

    def of(self, tag_ids: Sequence[str]) -> dict[str, Health]:
        """Return the health of tags, including tags merged into them."""
        with self._database.read() as connection:
            return load(connection, tag_ids, self._model.taxonomy.redirects)

    def counts(self, tag_ids: Sequence[str] | None = None) -> dict[str, tuple[int, int]]:
        """Return (accepted, rejected) counts by tag id, of all tags by default; undecided tags are absent."""
        with self._database.read() as connection:
            return taxonomy_store.counts(connection, tag_ids)

    def growing(self, limit: int = 200) -> list[str]:
        """Return the fastest growing tags; see `growing`."""
        with self._database.read() as connection:
            return growing(connection, self._model.taxonomy.redirects, limit)

    def curve(self, tag_id: str) -> pd.DataFrame:
        """Return a tag's weekly precision; see `curve`."""
        with self._database.read() as connection:
            return curve(connection, tag_id, self._model.taxonomy.redirects)

    def examples(self, tag_id: str) -> tuple[list[Example], list[Example]]:
        """Return a tag's most typical and most doubtful examples; see `examples`."""
        with self._database.read() as connection:
            return examples(connection, self._model.library, tag_id)

    def latest_pictures(self, tag_id: str, limit: int) -> list[int]:
        """Return the assets with a tag, latest decision first."""
        with self._database.read() as connection:
            return taxonomy_store.examples(connection, tag_id, 1, limit=limit)
