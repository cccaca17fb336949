"""Thresholds for a target precision, from the decisions of finished reviews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.calibration_data import HeldOutLogits, load_held_out
from tagging_core.learning.classifier import Floats, sigmoid
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.learning.thresholds import Threshold, Thresholds, find_threshold, find_thresholds
from tagging_core.storage.schema import labels, reviews

_SAMPLE = 1000
"""Finished pictures used as a sample: those with the lowest `sample` numbers, random but deterministic."""


@dataclass(frozen=True, slots=True)
class ReviewedPredictions:
    """Finished pictures of a profile with held-out predictions and decisions.

    Attributes:
        asset_ids: `(n,)`, ascending.
        tag_ids: `(t,)` tags of the profile's categories.
        probabilities: `(n, t)` in (0, 1), leave-one-out.
        truth: `(n, t)` 1 where the tag was accepted, else 0.
    """

    asset_ids: list[int]
    tag_ids: list[str]
    probabilities: Floats
    truth: Floats

    def of(self, asset_ids: Sequence[int], tag_ids: Sequence[str]) -> ReviewedPredictions:
        """Select pictures and tags, in the given order; all must be present."""
        rows = np.array([self.asset_ids.index(a) for a in asset_ids], int)
        columns = np.array([self.tag_ids.index(t) for t in tag_ids], int)
        part = np.ix_(rows, columns)
        return ReviewedPredictions(list(asset_ids), list(tag_ids), self.probabilities[part], self.truth[part])


def thresholds_for_precision(
    connection: Connection, library: TagLibrary, profile_id: str, *, target: float
) -> Thresholds:
    """Find thresholds for a target precision, from leave-one-out predictions on finished pictures.

    Args:
        connection: A read or write transaction.
        library: The library whose predictions are tested.
        profile_id: The profile whose finished reviews are the sample, and whose categories select the tags.
        target: Precision in (0, 1), such as 0.97; tags with a higher target of their own are held to that one.

    Returns:
        The pooled threshold and those of single tags, each guaranteed with 95 % confidence. Where no threshold
        reaches the target, as without finished reviews, the probability is None and `reason` says why.

    Raises:
        NotFoundError: There is no such profile.
        TargetError: The target is not in (0, 1).
        EncoderError: The model's vector dimension is unknown until it is loaded, and it cannot be loaded.
    """
    known = reviewed_predictions(connection, library, profile_id)
    if not known.probabilities.size:
        return find_thresholds(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), tag_ids=[], target=target)
    shown = known.probabilities >= MIN_PROBABILITY
    _, columns = np.nonzero(shown)
    tags = library.matrix().taxonomy.tags
    stricter = {t: wanted for t in known.tag_ids if t in tags and (wanted := tags[t].target) is not None}
    given = known.probabilities[shown], known.truth[shown], columns
    return find_thresholds(*given, tag_ids=known.tag_ids, target=target, stricter=stricter)


def reviewed_predictions(connection: Connection, library: TagLibrary, profile_id: str) -> ReviewedPredictions:
    """Return leave-one-out predictions and decisions for finished pictures of a profile.

    Raises:
        NotFoundError: There is no such profile.
    """
    matrix = library.matrix()
    rows = matrix.in_play(matrix.taxonomy.profile(profile_id))
    asset_ids, pictures = _finished(connection, library, profile_id)
    tag_ids = [matrix.tag_ids[row] for row in rows]
    if not asset_ids or not rows:
        return ReviewedPredictions(
            asset_ids, tag_ids, *(np.zeros((len(asset_ids), len(tag_ids))) for _ in range(2))
        )
    probabilities = _held_out_probabilities(connection, library, matrix, asset_ids=asset_ids, pictures=pictures)[
        :, rows
    ]
    return ReviewedPredictions(asset_ids, tag_ids, probabilities, _truth(connection, asset_ids, tag_ids))


def threshold_of(
    connection: Connection, library: TagLibrary, profile_id: str, *, tag_id: str, target: float
) -> Threshold:
    """Find the threshold of one tag from its own decisions alone, reading only the tags it depends on.

    Args:
        target: Precision in (0, 1).

    Raises:
        NotFoundError: There is no such profile.
        TargetError: The target is not in (0, 1).
    """
    matrix = library.matrix()
    matrix.taxonomy.profile(profile_id)
    if tag_id not in matrix.rows:
        return Threshold(None, reason="The tag is not active, or has not been fitted yet.")
    asset_ids, pictures = _finished(connection, library, profile_id)
    if not asset_ids:
        return find_threshold(np.zeros(0), np.zeros(0), target)
    rows = matrix.rows_with_rivals(tag_id)
    logits = matrix.logits(pictures, rows)
    known = load_held_out(connection, library.fingerprint, [matrix.tag_ids[row] for row in rows])
    _insert_held_out(logits, asset_ids, {place: known.get(matrix.tag_ids[row]) for place, row in enumerate(rows)})
    p = np.asarray(sigmoid(matrix.calibrated(logits, rows)[:, rows.index(matrix.rows[tag_id])]))
    truth = _truth(connection, asset_ids, [tag_id])[:, 0]
    return find_threshold(p[p >= MIN_PROBABILITY], truth[p >= MIN_PROBABILITY], target)


def _finished(connection: Connection, library: TagLibrary, profile_id: str) -> tuple[list[int], Vectors]:
    """Sampled finished pictures of a profile by ascending id, with their vectors."""
    finished = select(reviews.c.asset_id).where(reviews.c.profile == profile_id)
    ids = list(connection.execute(finished.order_by(reviews.c.sample).limit(_SAMPLE)).scalars())
    found = vectors.load(connection, library.pictures, ids)
    asset_ids = sorted(found)
    return asset_ids, np.stack([found[a] for a in asset_ids]) if asset_ids else np.zeros((0, 1), np.float32)


def _held_out_probabilities(
    connection: Connection, library: TagLibrary, matrix: TagMatrix, *, asset_ids: list[int], pictures: Vectors
) -> Floats:
    """Leave-one-out probabilities `(n, t)`."""
    logits = matrix.logits(pictures)
    known = library.calibration.held_out(connection)
    _insert_held_out(logits, asset_ids, {row: known.get(tag_id) for tag_id, row in matrix.rows.items()})
    return np.asarray(sigmoid(matrix.calibrated(logits)))


def _insert_held_out(logits: Floats, asset_ids: list[int], known: dict[int, HeldOutLogits | None]) -> None:
    """Overwrite logits of training examples by their leave-one-out logits, by column."""
    ids = np.array(asset_ids)
    for column, rows in known.items():
        if rows is not None and len(rows):
            mine = np.isin(rows["asset"], ids)
            logits[np.searchsorted(ids, rows["asset"][mine]), column] = rows["logit"][mine]


def _truth(connection: Connection, asset_ids: list[int], tag_ids: list[str]) -> Floats:
    """Labels `(n, t)`, 1 where the tag was accepted."""
    accepted: dict[int, set[str]] = defaultdict(set)
    for start in range(0, len(asset_ids), 500):
        part = asset_ids[start : start + 500]
        query = select(labels.c.asset_id, labels.c.tag_id).where(labels.c.asset_id.in_(part), labels.c.value == 1)
        for asset_id, tag_id in connection.execute(query):
            accepted[asset_id].add(tag_id)
    return np.array([[float(t in accepted[a]) for t in tag_ids] for a in asset_ids])
