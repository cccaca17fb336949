"""Compare two vector spaces: accuracy on reviewed pictures, and suggestions that would change."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning import precision_targets
from tagging_core.learning.calibration import calibration_error
from tagging_core.learning.classifier import Floats
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.precision_targets import ReviewedPredictions
from tagging_core.storage import Database
from tagging_core.storage.schema import assets, reviews
from tagging_core.taxonomy.model import Taxonomy

_THRESHOLD = 0.5
_PICTURES = 1_000  # latest pictures, for tags gained and lost
_EXAMPLES = 6  # pictures listed per tag
_TARGET = 0.95


@dataclass(frozen=True, slots=True)
class Score:
    """Leave-one-out metrics on finished pictures, each in [0, 1]; None if undefined.

    Attributes:
        precision: At a threshold of 0.5.
        recall: At a threshold of 0.5.
        average_precision: Mean over tags.
        calibration: Expected calibration error in ten bins; 0 is perfect.
    """

    precision: float | None
    recall: float | None
    average_precision: float | None
    calibration: float | None


@dataclass(frozen=True, slots=True)
class TagChanges:
    """A tag whose suggestions would change.

    Attributes:
        gained: Number of pictures that newly exceed a probability of 0.5.
        lost: Number of pictures that no longer do.
        gains: A few of the former, by asset id.
        losses: A few of the latter.
    """

    tag_id: str
    gained: int
    lost: int
    gains: list[int]
    losses: list[int]


@dataclass(frozen=True, slots=True)
class ProfileThresholds:
    """A profile's thresholds for a precision of 0.95; None where it cannot be guaranteed."""

    profile_id: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """The active model (before) and a candidate (after).

    Attributes:
        judged: Number of finished pictures with vectors in both spaces, used for the scores.
        looked_at: Number of latest pictures with vectors in both spaces, used for `moved`.
        moved: Tags whose suggestions would change, most changes first.
    """

    judged: int
    before: Score
    after: Score
    looked_at: int
    moved: list[TagChanges]
    thresholds: list[ProfileThresholds]


def compare(database: Database, old: TagLibrary, new: TagLibrary) -> ComparisonReport:
    """Report what would change if one tag library replaced another.

    Args:
        database: The store of record.
        old: The active model's library; its taxonomy selects the profiles.
        new: The candidate's library.

    Returns:
        Scores and thresholds on finished reviews, and the tags that the latest 1,000 pictures would gain or lose.

    Raises:
        EncoderError: The vector dimension of a model is unknown until it is loaded, and it cannot be loaded.
    """
    taxonomy = old.matrix().taxonomy
    with database.read() as connection:
        scores, judged = _scores(connection, taxonomy, old, new=new)
        moved, looked_at = _tag_changes(connection, old, new)
        thresholds = [
            _thresholds(connection, profile, old, new=new) for profile in _reviewed_profiles(connection, taxonomy)
        ]
    return ComparisonReport(judged, *scores, looked_at, moved, thresholds)


def score(judged: list[ReviewedPredictions]) -> Score:
    """Return metrics pooled over profiles."""
    known = [j for j in judged if j.probabilities.size]
    if not known:
        return Score(None, None, None, None)
    p = np.concatenate([j.probabilities.ravel() for j in known])
    truth = np.concatenate([j.truth.ravel() for j in known])
    predicted, right = p >= _THRESHOLD, truth > 0
    hits = float((predicted & right).sum())
    found = [
        average_precision(j.probabilities[:, n], j.truth[:, n]) for j in known for n in range(j.truth.shape[1])
    ]
    curves = [area for area in found if area is not None]
    return Score(
        precision=hits / predicted.sum() if predicted.any() else None,
        recall=hits / right.sum() if right.any() else None,
        average_precision=float(np.mean(curves)) if curves else None,
        calibration=calibration_error(p, truth, bins=10),
    )


def average_precision(probabilities: Floats, truth: Floats) -> float | None:
    """Return the average precision, in [0, 1]; None without positives."""
    if not truth.any():
        return None
    ranked = truth[np.argsort(-probabilities, kind="stable")] > 0
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def _scores(
    connection: Connection, taxonomy: Taxonomy, old: TagLibrary, *, new: TagLibrary
) -> tuple[tuple[Score, Score], int]:
    found: tuple[list[ReviewedPredictions], list[ReviewedPredictions]] = ([], [])
    pictures: set[int] = set()
    for profile_id in _reviewed_profiles(connection, taxonomy):
        both = [precision_targets.reviewed_predictions(connection, library, profile_id) for library in (old, new)]
        ids = sorted(set(both[0].asset_ids) & set(both[1].asset_ids))
        tags = [tag_id for tag_id in both[0].tag_ids if tag_id in set(both[1].tag_ids)]
        pictures.update(ids)
        for mine, judged in zip(found, both, strict=True):
            mine.append(judged.of(ids, tags))
    return (score(found[0]), score(found[1])), len(pictures)


def _tag_changes(connection: Connection, old: TagLibrary, new: TagLibrary) -> tuple[list[TagChanges], int]:
    """Tags whose suggestions change on the latest pictures, most changes first, and the number of pictures."""
    latest = list(connection.execute(select(assets.c.id).order_by(assets.c.id.desc()).limit(_PICTURES)).scalars())
    known = [vectors.load(connection, library.pictures, latest) for library in (old, new)]
    ids = [asset_id for asset_id in latest if all(asset_id in found for found in known)]
    if not ids:
        return [], 0
    gained: dict[str, list[int]] = defaultdict(list)
    lost: dict[str, list[int]] = defaultdict(list)
    pictures = [[found[a] for a in ids] for found in known]
    before, after = _predicted(old, pictures[0]), _predicted(new, pictures[1])
    for tag_id in before.keys() | after.keys():
        for place in sorted(after.get(tag_id, set()) - before.get(tag_id, set())):
            gained[tag_id].append(ids[place])
        for place in sorted(before.get(tag_id, set()) - after.get(tag_id, set())):
            lost[tag_id].append(ids[place])
    moved = [
        TagChanges(t, len(gained[t]), len(lost[t]), gained[t][:_EXAMPLES], lost[t][:_EXAMPLES])
        for t in sorted(set(gained) | set(lost))
    ]
    return sorted(moved, key=lambda m: -(m.gained + m.lost)), len(ids)


def _predicted(library: TagLibrary, pictures: list[Vectors]) -> dict[str, set[int]]:
    matrix = library.matrix()
    if not matrix.tag_ids:
        return {}
    above = matrix.probabilities(np.stack(pictures)) >= _THRESHOLD
    return {tag_id: set(np.flatnonzero(above[:, row]).tolist()) for row, tag_id in enumerate(matrix.tag_ids)}


def _thresholds(connection: Connection, profile_id: str, old: TagLibrary, *, new: TagLibrary) -> ProfileThresholds:
    before, after = (
        precision_targets.thresholds_for_precision(connection, library, profile_id, target=_TARGET)
        for library in (old, new)
    )
    return ProfileThresholds(profile_id, before.pooled.probability, after.pooled.probability)


def _reviewed_profiles(connection: Connection, taxonomy: Taxonomy) -> list[str]:
    """Profiles with finished reviews."""
    found = set(connection.execute(select(reviews.c.profile).distinct()).scalars())
    return [profile_id for profile_id in taxonomy.profiles if profile_id in found]
