"""Two families compared by what people decided: how often each is right, and what would be suggested otherwise."""

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

_SURE = 0.5  # a suggestion more likely right than wrong
_PICTURES = 1_000  # of the latest ones, for tags gained and lost
_EXAMPLES = 6  # pictures shown for each
_TARGET = 0.95


@dataclass(frozen=True, slots=True)
class Score:
    """How good a library's suggestions are on finished pictures, each judged without its own decisions.

    Attributes:
        precision: Share of suggestions above one half that are right, in [0, 1]; None if there are none.
        recall: Share of the right tags that are suggested above one half; None if there are none.
        average_precision: Mean over tags of the area under the precision-recall curve; None if there are none.
        calibration: Mean distance between probability and outcome in ten bins, in [0, 1]; 0 is perfect.
    """

    precision: float | None
    recall: float | None
    average_precision: float | None
    calibration: float | None


@dataclass(frozen=True, slots=True)
class TagChanges:
    """A tag that would be suggested for other pictures than before."""

    tag_id: str
    gained: int
    lost: int
    gains: list[int]
    losses: list[int]


@dataclass(frozen=True, slots=True)
class ProfileThresholds:
    """From which probability on 95 of 100 suggestions of a profile are right; None where nothing can promise it."""

    profile_id: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """A model in use and one that may take its place.

    Attributes:
        judged: Finished pictures that both know.
        looked_at: Latest pictures that both know, for what moves.
    """

    judged: int
    before: Score
    after: Score
    looked_at: int
    moved: list[TagChanges]
    thresholds: list[ProfileThresholds]


def compare(database: Database, old: TagLibrary, new: TagLibrary) -> ComparisonReport:
    """What would change if the new one took the old one's place."""
    taxonomy = old.matrix().taxonomy
    with database.read() as connection:
        scores, judged = _scores(connection, taxonomy, old, new)
        moved, looked_at = _moves(connection, old, new)
        thresholds = [_thresholds(connection, profile, old, new) for profile in _used(connection, taxonomy)]
    return ComparisonReport(judged, *scores, looked_at, moved, thresholds)


def score(judged: list[ReviewedPredictions]) -> Score:
    """How good suggestions are, over all profiles."""
    known = [j for j in judged if j.probabilities.size]
    if not known:
        return Score(None, None, None, None)
    p = np.concatenate([j.probabilities.ravel() for j in known])
    truth = np.concatenate([j.truth.ravel() for j in known])
    sure, right = p >= _SURE, truth > 0
    hits = float((sure & right).sum())
    found = [
        average_precision(j.probabilities[:, n], j.truth[:, n]) for j in known for n in range(j.truth.shape[1])
    ]
    curves = [area for area in found if area is not None]
    return Score(
        precision=hits / sure.sum() if sure.any() else None,
        recall=hits / right.sum() if right.any() else None,
        average_precision=float(np.mean(curves)) if curves else None,
        calibration=calibration_error(p, truth, bins=10),
    )


def average_precision(probabilities: Floats, truth: Floats) -> float | None:
    """Mean precision at each right answer, best first, in [0, 1]; None without right answers."""
    if not truth.any():
        return None
    ranked = truth[np.argsort(-probabilities, kind="stable")] > 0
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def _scores(
    connection: Connection, taxonomy: Taxonomy, old: TagLibrary, new: TagLibrary
) -> tuple[tuple[Score, Score], int]:
    found: tuple[list[ReviewedPredictions], list[ReviewedPredictions]] = ([], [])
    pictures: set[int] = set()
    for profile_id in _used(connection, taxonomy):
        both = [precision_targets.reviewed_predictions(connection, library, profile_id) for library in (old, new)]
        ids = sorted(set(both[0].asset_ids) & set(both[1].asset_ids))
        tags = [tag_id for tag_id in both[0].tag_ids if tag_id in set(both[1].tag_ids)]
        pictures.update(ids)
        for mine, judged in zip(found, both, strict=True):
            mine.append(judged.of(ids, tags))
    return (score(found[0]), score(found[1])), len(pictures)


def _moves(connection: Connection, old: TagLibrary, new: TagLibrary) -> tuple[list[TagChanges], int]:
    """What would be suggested above one half, or no longer, for the latest pictures, most moved first."""
    latest = list(connection.execute(select(assets.c.id).order_by(assets.c.id.desc()).limit(_PICTURES)).scalars())
    known = [vectors.load(connection, library.pictures, latest) for library in (old, new)]
    ids = [asset_id for asset_id in latest if all(asset_id in found for found in known)]
    if not ids:
        return [], 0
    gained: dict[str, list[int]] = defaultdict(list)
    lost: dict[str, list[int]] = defaultdict(list)
    pictures = [[found[a] for a in ids] for found in known]
    before, after = _sure(old, pictures[0]), _sure(new, pictures[1])
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


def _sure(library: TagLibrary, pictures: list[Vectors]) -> dict[str, set[int]]:
    matrix = library.matrix()
    if not matrix.tag_ids:
        return {}
    above = matrix.probabilities(np.stack(pictures)) >= _SURE
    return {tag_id: set(np.flatnonzero(above[:, row]).tolist()) for row, tag_id in enumerate(matrix.tag_ids)}


def _thresholds(connection: Connection, profile_id: str, old: TagLibrary, new: TagLibrary) -> ProfileThresholds:
    before, after = (
        precision_targets.thresholds_for_precision(connection, library, profile_id, _TARGET)
        for library in (old, new)
    )
    return ProfileThresholds(profile_id, before.pooled.probability, after.pooled.probability)


def _used(connection: Connection, taxonomy: Taxonomy) -> list[str]:
    """Profiles under which pictures were finished."""
    found = set(connection.execute(select(reviews.c.profile).distinct()).scalars())
    return [profile_id for profile_id in taxonomy.profiles if profile_id in found]
