"""Figures for managers, read from daily totals that decisions keep up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from sqlalchemy import Connection, func, select

from tagging_core.people import Action, User, require
from tagging_core.queue import Progress, progress
from tagging_core.store.tables import daily
from tagging_core.taxonomy import Taxonomy

_APPLIED = ("accept", "add", "unseen")


@dataclass(frozen=True, slots=True)
class Overview:
    """Totals of a period; `agreement` is the share of judged suggestions that were accepted, in [0, 1], or None."""

    review: Progress
    uploaded: int
    reviewed: int
    accepted: int
    rejected: int
    added: int

    @property
    def agreement(self) -> float | None:
        """Accepted suggestions among those a person judged; None before the first."""
        judged = self.accepted + self.rejected
        return self.accepted / judged if judged else None


def overview(connection: Connection, user: User, days: int = 30) -> Overview:
    """What happened in the last days, and what waits now.

    Raises:
        NotAllowedError: The user may not read charts.
    """
    require(user, Action.REPORT)
    query = select(daily.c.kind, func.sum(daily.c.n)).where(daily.c.day >= _since(days)).group_by(daily.c.kind)
    totals = {kind: int(n) for kind, n in connection.execute(query)}
    return Overview(
        review=progress(connection),
        uploaded=totals.get("upload", 0),
        reviewed=totals.get("done", 0),
        accepted=totals.get("accept", 0),
        rejected=totals.get("reject", 0),
        added=totals.get("add", 0),
    )


def tags_by_day(connection: Connection, user: User, taxonomy: Taxonomy, days: int = 30) -> pd.DataFrame:
    """How often each tag was given, with columns day, tag_id, category_id and pictures (n > 0)."""
    require(user, Action.REPORT)
    query = (
        select(daily.c.day, daily.c.tag_id, func.sum(daily.c.n))
        .where(daily.c.day >= _since(days), daily.c.kind.in_(_APPLIED), daily.c.tag_id != "")
        .group_by(daily.c.day, daily.c.tag_id)
    )
    rows = [
        (day, tag_id, taxonomy.tags[tag_id].category_id, int(n))
        for day, tag_id, n in connection.execute(query)
        if n > 0 and tag_id in taxonomy.tags
    ]
    return pd.DataFrame(rows, columns=["day", "tag_id", "category_id", "pictures"])


def accuracy(connection: Connection, user: User, taxonomy: Taxonomy, days: int = 30) -> pd.DataFrame:
    """What became of suggestions, with columns day, tag_id, category_id, accepted, rejected and added."""
    require(user, Action.REPORT)
    query = select(daily.c.day, daily.c.tag_id, daily.c.kind, daily.c.n).where(
        daily.c.day >= _since(days), daily.c.tag_id != "", daily.c.n != 0
    )
    columns = ["day", "tag_id", "kind", "n"]
    rows = [tuple(row) for row in connection.execute(query) if row.tag_id in taxonomy.tags]
    wide = pd.DataFrame(rows, columns=columns).pivot_table(
        index=["day", "tag_id"], columns="kind", values="n", aggfunc="sum", fill_value=0
    )
    wide = wide.reindex(columns=["accept", "reject", "add"], fill_value=0).reset_index()
    wide.columns = pd.Index(["day", "tag_id", "accepted", "rejected", "added"])
    wide.insert(2, "category_id", [taxonomy.tags[t].category_id for t in wide["tag_id"]])
    return wide


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    z = 1.96
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) + spread / 4) / trials) ** 0.5 / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def _since(days: int) -> str:
    today: date = datetime.now(UTC).date()
    return (today - timedelta(days=days - 1)).isoformat()
