"""What people do and how long it takes: by person, and what suggestions save."""

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
"""Cases below which a person's figure says nothing yet, and is greyed."""

BY_HAND = 45.0
"""Seconds that tagging a picture by hand takes where nobody measured it; people give 30 to 60."""

_HOUR = 3600.0


def people(connection: Connection, user: User, period: Period) -> pd.DataFrame:
    """What each person did, by name.

    Returns:
        Columns person, pictures (finished), hours (with a picture before them, breaks left out), an_hour (pictures
        they closed, or looked at a second time), closed, agreement (share of tags on which an independent second
        look agreed), compared, changed (share of their decisions that others changed later) and given. Shares in
        [0, 1], missing without cases.
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
    """Seconds a finished picture took.

    Attributes:
        suggested: With suggestions.
        alone: In the blind sample, without.
        finished: Pictures that were finished with suggestions.
    """

    suggested: MeanEstimate
    alone: MeanEstimate
    finished: int


def times(kinds: Kinds) -> ReviewTimes:
    """Times among the figures of a period, see `accuracy.overall`."""
    return ReviewTimes(_mean(kinds, "with"), _mean(kinds, "blind"), kinds.get("with.n", 0))


def _mean(kinds: Kinds, source: str) -> MeanEstimate:
    n, total, squares = (kinds.get(f"{source}.{part}", 0) for part in ("n", "s", "ss"))
    return estimate_mean(n, total / TENTHS, squares / TENTHS**2)


@dataclass(frozen=True, slots=True)
class Savings:
    """What suggestions saved in a period.

    Attributes:
        by_hand: Seconds a picture without suggestions that this goes by.
        measured: Whether those come from the blind sample, and not from an assumption.
        hours: Less work; negative if it was more.
        low: Bound of a 95 % interval; None where the times are too few to tell.
        high: The other bound.
    """

    by_hand: float
    measured: bool
    hours: float
    low: float | None
    high: float | None


def estimate_savings(found: ReviewTimes, by_hand: float | None = None) -> Savings | None:
    """What suggestions saved; None before any picture was timed.

    Args:
        by_hand: Seconds a picture without suggestions; None for what the blind sample shows, or BY_HAND where that
            has fewer than FEW pictures.
    """
    assisted, alone = found.suggested, found.alone
    if assisted.value is None:
        return None
    measured = by_hand is None and alone.n >= FEW and alone.value is not None
    without = alone.value if measured and alone.value is not None else (by_hand or BY_HAND)
    hours = found.finished * (without - assisted.value) / _HOUR
    if assisted.low is None or assisted.high is None:
        return Savings(without, measured, hours, None, None)
    spread = ((assisted.high - assisted.low) / 2) ** 2
    if measured and alone.low is not None and alone.high is not None:
        spread += ((alone.high - alone.low) / 2) ** 2
    half = found.finished * spread**0.5 / _HOUR
    return Savings(without, measured, hours, hours - half, hours + half)


def months_to_break_even(once: float, monthly_saving: float, monthly_cost: float) -> float | None:
    """Months until what is saved has paid for what was spent; None if it never does."""
    gain = monthly_saving - monthly_cost
    return once / gain if gain > 0 else None


def unchanged_share(kinds: Kinds) -> tuple[int, int]:
    """Finished pictures to which nothing had to be added and in which nothing was replaced, of how many."""
    return kinds.get("unchanged", 0), kinds.get("assisted", 0)
