"""Reviewers' output and the time saved by suggestions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection

from tagging_core.common.intervals import MeanEstimate, estimate_mean
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.reader import Kinds
from tagging_core.ledger.rollups.tally import TENTHS

FEW = 30
"""Minimum number of cases for a meaningful statistic; below it, pages grey the value out."""

BY_HAND = 45.0
"""Assumed seconds to tag a picture by hand until it is measured; usual estimates are 30 to 60."""

_HOUR = 3600.0


def people(connection: Connection, user: User, period: Period) -> pd.DataFrame:
    """Return a row per person, sorted by name.

    Returns:
        Columns person, pictures (reviews finished), hours (active, without breaks), an_hour (`closed` per hour),
        closed (timed reviews and second opinions), agreement (share of tags on which an independent second
        opinion agreed), compared, changed (share of `given` that others changed later) and given (decisions).
        Shares are in [0, 1], missing without cases.
    """
    require(user, Action.REPORT)
    rows = []
    for name, kinds in sorted(reader.totals(connection, "actor", period).items()):
        get = kinds.get
        hours = get("busy", 0) / TENTHS / _HOUR
        compared, given = get("agree", 0) + get("differ", 0), get("given", 0)
        rows.append(
            {
                "person": name,
                "pictures": get("done", 0),
                "hours": hours,
                "an_hour": get("closed", 0) / hours if hours > 0 else None,
                "closed": get("closed", 0),
                "agreement": get("agree", 0) / compared if compared else None,
                "compared": compared,
                "changed": get("changed", 0) / given if given else None,
                "given": given,
            }
        )
    columns = ["person", "pictures", "hours", "an_hour", "closed"]
    return pd.DataFrame(rows, columns=[*columns, "agreement", "compared", "changed", "given"])


@dataclass(frozen=True, slots=True)
class ReviewTimes:
    """Mean seconds per finished review.

    Attributes:
        suggested: With suggestions.
        alone: Without suggestions (blind sample).
        finished: Number of timed reviews with suggestions.
    """

    suggested: MeanEstimate
    alone: MeanEstimate
    finished: int


def times(kinds: Kinds) -> ReviewTimes:
    """Return review times from the counts of a period, see `accuracy.overall`."""
    return ReviewTimes(_mean(kinds, "with"), _mean(kinds, "blind"), kinds.get("with.n", 0))


def _mean(kinds: Kinds, source: str) -> MeanEstimate:
    n, total, squares = (kinds.get(f"{source}.{part}", 0) for part in ("n", "s", "ss"))
    return estimate_mean(n, total / TENTHS, squares / TENTHS**2)


@dataclass(frozen=True, slots=True)
class Savings:
    """Time saved by suggestions in a period.

    Attributes:
        by_hand: Seconds per picture without suggestions, the baseline.
        measured: Whether the baseline was measured on the blind sample; otherwise it is an assumption.
        hours: Hours saved; negative if suggestions cost time.
        low: Lower bound of the 95 % interval; None if there are too few reviews.
        high: Upper bound.
    """

    by_hand: float
    measured: bool
    hours: float
    low: float | None
    high: float | None


def estimate_savings(found: ReviewTimes, by_hand: float | None = None) -> Savings | None:
    """Estimate the time saved by suggestions; None before any review was timed.

    Args:
        by_hand: Seconds per picture without suggestions; None for the mean of the blind sample, or BY_HAND if the
            sample has fewer than FEW pictures.
    """
    assisted, alone = found.suggested, found.alone
    if assisted.value is None:
        return None
    measured = by_hand is None and alone.n >= FEW and alone.value is not None
    baseline = alone.value if measured and alone.value is not None else (by_hand or BY_HAND)
    hours = found.finished * (baseline - assisted.value) / _HOUR
    if assisted.low is None or assisted.high is None:
        return Savings(baseline, measured, hours, None, None)
    squared_width = ((assisted.high - assisted.low) / 2) ** 2
    if measured and alone.low is not None and alone.high is not None:
        squared_width += ((alone.high - alone.low) / 2) ** 2
    half_width = found.finished * squared_width**0.5 / _HOUR
    return Savings(baseline, measured, hours, hours - half_width, hours + half_width)


def months_to_break_even(once: float, monthly_saving: float, monthly_cost: float) -> float | None:
    """Return the months until savings cover the one-time cost; None if they never do."""
    gain = monthly_saving - monthly_cost
    return once / gain if gain > 0 else None


def unchanged_share(kinds: Kinds) -> tuple[int, int]:
    """Return (assisted reviews without an added or replaced tag, all assisted reviews)."""
    return kinds.get("unchanged", 0), kinds.get("assisted", 0)
