"""Content rollup: number of finished assets with each tag, by day, profile and batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tagging_core.ledger.events import AssetState


class Basis(StrEnum):
    """Which date of an asset it is counted under."""

    TAKEN = "taken"  # capture date from the file; assets without one are not counted
    UPLOADED = "uploaded"
    REVIEWED = "reviewed"  # when the review was finished


BATCH = "batch"
"""Basis of the counts by batch, which have no day."""

ALL = ""
"""As a part: all profiles together. As a tag: the number of assets, whatever their tags."""

Key = tuple[str, str, str, str]
"""Basis, part (ALL, a profile id or a batch id), day and tag id of a count."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Properties of an asset that do not come from the ledger.

    Attributes:
        taken_at: Capture time, local to the camera, or None.
        created_at: Upload time, UTC, naive.
        sample: See `Asset`.
        batches: Ids of the batches that contain it.
    """

    taken_at: datetime | None
    created_at: datetime
    sample: int
    batches: Sequence[int] = ()


def describe(
    state: AssetState, facts: Facts, finished_at: dict[int, datetime], *, day_of: Callable[[datetime], str]
) -> Counter[Key]:
    """Return the contribution of one asset to the counts; empty until a review is finished.

    Args:
        finished_at: Time of each `done` event in `state.reviews`, by event id.
        day_of: Converts a UTC time to a local day, see `periods.day_in`.
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
