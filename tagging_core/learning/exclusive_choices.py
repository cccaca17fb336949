"""The likeliest tags of an exclusive category, and how often the right one has been among as many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from sqlalchemy import Connection

from tagging_core.learning.calibration import Calibration
from tagging_core.learning.calibration_data import load_held_out
from tagging_core.learning.classifier import Floats
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.suggestions import Scores
from tagging_core.learning.training_set import ExampleKind
from tagging_core.ledger.events import Label

_MOST = 3  # tags listed
_LEAST = 20  # decided pictures, below which nothing is said about coverage


@dataclass(frozen=True, slots=True)
class Choices:
    """The likeliest tags of an exclusive category for a picture.

    Attributes:
        tags: At most three tag ids with their probabilities in (0, 1), likeliest first.
        nothing: Probability in [0, 1] that none of the category's tags applies.
        covered: Share in [0, 1] of pictures on which the right tag is among so many; None without enough history.
    """

    tags: list[tuple[str, float]]
    nothing: float
    covered: float | None


class ExclusiveChoices:
    """Lists the likeliest tags of exclusive categories; safe to share between threads.

    The share covered is that of conformal prediction with the rank of the right tag as the score (Vovk et al.
    2005): the right tags among three, as a share of the decided pictures and one more that missed. Coverage is
    counted again whenever the library was calibrated again.
    """

    def __init__(self) -> None:
        self._covered: dict[tuple[str, str], tuple[Calibration, float | None]] = {}

    def of(
        self,
        connection: Connection,
        library: Callable[[], TagLibrary],
        scores: Scores,
        *,
        profile_id: str,
        decided: dict[str, Label],
    ) -> dict[str, Choices]:
        """List the likeliest tags of a picture's open exclusive categories.

        Args:
            connection: A read or write transaction.
            library: Returns the library that gave the scores; called if its calibration is new.
            scores: Of one picture.
            profile_id: Selects the categories.
            decided: The picture's labels.

        Returns:
            By category id; categories with an accepted tag are absent.
        """
        matrix, probabilities = scores.matrix, scores.probabilities[0]
        accepted = {tag_id for tag_id, label in decided.items() if label.value}
        found: dict[str, Choices] = {}
        for rows, _ in matrix.rivals:
            tag_ids = [matrix.tag_ids[row] for row in rows]
            category_id = matrix.taxonomy.tags[tag_ids[0]].category_id
            if category_id in matrix.taxonomy.profile(profile_id).categories and accepted.isdisjoint(tag_ids):
                order = np.argsort(-probabilities[rows], kind="stable")
                likeliest = [
                    (tag_ids[n], float(probabilities[rows[n]])) for n in order if tag_ids[n] not in decided
                ]
                nothing = float(np.clip(1 - probabilities[rows].sum(), 0, 1))
                covered = self._coverage(connection, library, scores, key=(category_id, profile_id), rows=rows)
                found[category_id] = Choices(likeliest[:_MOST], nothing, covered)
        return found

    def _coverage(
        self,
        connection: Connection,
        library: Callable[[], TagLibrary],
        scores: Scores,
        *,
        key: tuple[str, str],
        rows: list[int],
    ) -> float | None:
        calibration, known = scores.matrix.calibration, self._covered.get(key)
        if known is None or known[0] is not calibration:
            ranks = _ranks(connection, library().fingerprint, scores, rows=rows)
            share = float((ranks < _MOST).sum() / (len(ranks) + 1)) if len(ranks) >= _LEAST else None
            known = self._covered[key] = (calibration, share)
        return known[1]


def _ranks(connection: Connection, fingerprint: str, scores: Scores, *, rows: list[int]) -> Floats:
    """Ranks `(n,)`, from 0, of the accepted tag on decided pictures, by leave-one-out predictions."""
    matrix = scores.matrix
    tag_ids = [matrix.tag_ids[row] for row in rows]
    held_out = load_held_out(connection, fingerprint, tag_ids)
    if len(held_out) < len(tag_ids):
        return np.zeros(0)
    assets = reduce(np.intersect1d, [held_out[tag_id]["asset"] for tag_id in tag_ids])
    examples = [held_out[t][np.searchsorted(held_out[t]["asset"], assets)] for t in tag_ids]
    right = np.stack([each["kind"] == ExampleKind.POSITIVE for each in examples], axis=1)
    some = right.any(axis=1)
    logits = np.stack([each["logit"] for each in examples], axis=1).astype(np.float64)
    likely = matrix.calibrated(logits, rows)[some]
    own = np.where(right[some], likely, -np.inf).max(axis=1, keepdims=True)
    return np.asarray((likely > own).sum(axis=1), np.float64)
