"""What finished pictures are about: how many of them have each tag, by day, profile and batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tagging_core.ledger.events import AssetState


class Basis(StrEnum):
    """Which of its days a picture counts under."""

    TAKEN = "taken"  # when the camera took it, as the file says; pictures that do not say are left out
    UPLOADED = "uploaded"
    REVIEWED = "reviewed"  # when its review was finished


BATCH = "batch"
"""The basis under which pictures count by batch; they have no day there."""

ALL = ""
"""The part of all profiles; and the tag that stands for the pictures themselves."""

Key = tuple[str, str, str, str]
"""Basis, part (ALL, a profile or a batch), day and tag of a figure."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a picture beside what people said.

    Attributes:
        taken_at: The camera's local time, or None.
        created_at: When it was taken in (UTC without zone).
        sample: See `Asset`.
        batches: Those it is in.
    """

    taken_at: datetime | None
    created_at: datetime
    sample: int
    batches: Sequence[int] = ()


def describe(
    state: AssetState, facts: Facts, finished_at: dict[int, datetime], day_of: Callable[[datetime], str]
) -> Counter[Key]:
    """What one picture adds to the figures; nothing before its review is finished.

    Args:
        finished_at: When each `done` event that the state names happened.
        day_of: Tells the day of a moment, see `days.day_in`.
    """
    if not state.reviews:
        return Counter()
    tags = [ALL, *(tag_id for tag_id, label in state.labels.items() if label.value)]
    reviews = {ALL: max(state.reviews.values()), **{p: e for p, e in state.reviews.items() if p}}
    keys: list[tuple[str, str, str]] = [(BATCH, str(batch_id), "") for batch_id in facts.batches]
    for part, event_id in reviews.items():
        keys.append((Basis.UPLOADED, part, day_of(facts.created_at)))
        keys.append((Basis.REVIEWED, part, day_of(finished_at[event_id])))
        if facts.taken_at is not None:
            keys.append((Basis.TAKEN, part, facts.taken_at.date().isoformat()))
    return Counter((*key, tag_id) for key in keys for tag_id in tags)
