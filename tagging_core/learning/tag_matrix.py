"""The classifiers of all tags at one revision of the tag library, as a matrix."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.calibration import Calibration, among_rivals
from tagging_core.learning.classifier import Floats, ReferencePack, TagModel, sigmoid
from tagging_core.taxonomy.model import Profile, Taxonomy

_MAX_CHANGED = 256  # changed rows held in an overlay before they are merged into a new base matrix


@dataclass(frozen=True, slots=True)
class TagMatrix:
    """All classifiers at one revision; immutable.

    Attributes:
        tag_ids: `(t,)` in row order.
        rows: Row by tag id.
        base: `(t, d)` float32 weights, shared between revisions.
        biases: `(t,)` float64.
        calibration: Source of slopes and shifts.
        slopes: `(t,)`, positive.
        shifts: `(t,)`.
        pack: Centres the picture vectors.
        taxonomy: As of this revision.
        rivals: Rows of each exclusive category, with the logit of "none of them".
        changed: Overlay of rows that differ from `base`; copying 10,000 rows per decision takes longer than a fit.
    """

    revision: int
    tag_ids: list[str]
    rows: dict[str, int]
    base: Vectors
    biases: Floats
    calibration: Calibration
    slopes: Floats
    shifts: Floats
    pack: ReferencePack
    taxonomy: Taxonomy
    rivals: list[tuple[list[int], float]]
    changed: dict[int, Vectors] = field(default_factory=dict)

    def logits(self, pictures: Vectors, rows: list[int] | None = None) -> Floats:
        """Return uncalibrated logits of pictures.

        Args:
            pictures: `(n, d)` picture vectors, not yet centred.
            rows: Rows to compute, in this order; None for all.

        Returns:
            `(n, t)` float64, one column per row computed; before the softmax in exclusive categories.
        """
        centred = self.pack.centre(pictures)
        if rows is not None:
            weights = np.stack([self.changed.get(row, self.base[row]) for row in rows])
            return np.asarray(centred @ weights.T, np.float64) + self.biases[rows]
        found = np.asarray(centred @ self.base.T, np.float64)
        if self.changed:
            found[:, list(self.changed)] = centred @ np.stack(list(self.changed.values())).T
        return found + self.biases

    def calibrated(self, logits: Floats, rows: list[int] | None = None) -> Floats:
        """Calibrate logits, after the softmax in exclusive categories.

        Args:
            logits: `(n, t)` uncalibrated, as from `logits`; not modified.
            rows: Rows of the columns, as from `rows_with_rivals`; None for all.

        Returns:
            `(n, t)` calibrated log-odds; their sigmoid is the probability.
        """
        logits = logits.copy()
        for rivals, nothing in self.rivals:
            if rows is None or rivals == rows:
                places = rivals if rows is None else list(range(len(rows)))
                logits[:, places] = among_rivals(logits[:, places], nothing)
        if rows is None:
            return logits * self.slopes + self.shifts
        return logits * self.slopes[rows] + self.shifts[rows]

    def rows_with_rivals(self, tag_id: str) -> list[int]:
        """Return the rows that a tag's probability depends on.

        Args:
            tag_id: A tag in `rows`.

        Returns:
            Ascending rows of its exclusive category, its own included; only its own row in other categories.

        Raises:
            KeyError: The tag has no row: it is not active, or has not been fitted yet.
        """
        row = self.rows[tag_id]
        return next((rivals for rivals, _ in self.rivals if row in rivals), [row])

    def probability_of(self, tag_id: str, pictures: Vectors, own: Floats | None = None) -> Floats:
        """Return the probability of one tag, computing only the rows it depends on.

        Args:
            tag_id: A tag in `rows`.
            pictures: `(n, d)` picture vectors, not yet centred.
            own: `(n,)` uncalibrated logits to use instead of the tag's classifier.

        Returns:
            `(n,)` calibrated, in (0, 1).

        Raises:
            KeyError: The tag has no row: it is not active, or has not been fitted yet.
        """
        rows = self.rows_with_rivals(tag_id)
        logits = self.logits(pictures, rows)
        place = rows.index(self.rows[tag_id])
        if own is not None:
            logits[:, place] = own
        return np.asarray(sigmoid(self.calibrated(logits, rows)[:, place]))

    def probabilities(self, pictures: Vectors, added: Floats | None = None) -> Floats:
        """Return the probability of each tag.

        Args:
            pictures: `(n, d)` picture vectors, not yet centred.
            added: `(n, t)` logits to add before calibration, such as text evidence; None for none.

        Returns:
            `(n, t)` calibrated, in (0, 1), columns in row order.
        """
        logits = self.logits(pictures)
        return np.asarray(sigmoid(self.calibrated(logits if added is None else logits + added)))

    def in_play(self, profile: Profile) -> list[int]:
        """Return the rows of tags in a profile's categories.

        Args:
            profile: Selects the categories.

        Returns:
            Ascending; empty if none of the profile's categories has a fitted tag.
        """
        categories = set(profile.categories)
        return [
            row for row, tag_id in enumerate(self.tag_ids) if self.taxonomy.tags[tag_id].category_id in categories
        ]

    def models(self) -> dict[str, TagModel]:
        """Return the classifiers.

        Returns:
            By tag id, in row order; the weights are views, not copies.
        """
        return {
            tag_id: TagModel(self.changed.get(row, self.base[row]), float(self.biases[row]))
            for tag_id, row in self.rows.items()
        }

    def with_changes(
        self,
        revision: int,
        models: dict[str, TagModel],
        calibration: Calibration,
        *,
        taxonomy: Taxonomy,
        nothing: dict[str, float],
    ) -> TagMatrix:
        """Return the next revision: the same tags with updated classifiers, calibration or taxonomy.

        Args:
            revision: The new revision.
            models: Updated classifiers by tag id; each tag must have a row.
            calibration: The current calibration; pass the same object if it has not changed.
            taxonomy: The current taxonomy; pass the same object if it has not changed.
            nothing: Logit of "none of them" by exclusive category; used only if calibration or taxonomy changed.

        Returns:
            A new matrix, which shares the unchanged weights with this one.
        """
        changed, biases = dict(self.changed), self.biases.copy()
        for tag_id, model in models.items():
            row = self.rows[tag_id]
            changed[row], biases[row] = model.weights, model.bias
        base, slopes, shifts = self.base, self.slopes, self.shifts
        if len(changed) > _MAX_CHANGED:
            base = base.copy()
            base[list(changed)] = np.stack(list(changed.values()))
            changed = {}
        rivals = self.rivals
        if calibration is not self.calibration or taxonomy is not self.taxonomy:
            slopes, shifts = _calibrate(calibration, self.tag_ids, taxonomy)
            rivals = _rivals(self.tag_ids, taxonomy, nothing)
        return replace(
            self,
            revision=revision,
            base=base,
            biases=biases,
            changed=changed,
            calibration=calibration,
            slopes=slopes,
            shifts=shifts,
            taxonomy=taxonomy,
            rivals=rivals,
        )


def make_matrix(
    revision: int,
    models: dict[str, TagModel],
    calibration: Calibration,
    *,
    pack: ReferencePack,
    taxonomy: Taxonomy,
    nothing: dict[str, float],
) -> TagMatrix:
    """Build the matrix of all fitted active tags.

    Args:
        nothing: Logit of "none of them" by exclusive category.
    """
    tag_ids = [tag.id for tag in taxonomy.active() if tag.id in models]
    weights = [models[tag_id].weights for tag_id in tag_ids]
    slopes, shifts = _calibrate(calibration, tag_ids, taxonomy)
    return TagMatrix(
        revision=revision,
        tag_ids=tag_ids,
        rows={tag_id: row for row, tag_id in enumerate(tag_ids)},
        base=np.stack(weights) if weights else np.zeros((0, len(pack.mean)), np.float32),
        biases=np.array([models[tag_id].bias for tag_id in tag_ids], np.float64),
        calibration=calibration,
        slopes=slopes,
        shifts=shifts,
        pack=pack,
        taxonomy=taxonomy,
        rivals=_rivals(tag_ids, taxonomy, nothing),
    )


def _rivals(tag_ids: list[str], taxonomy: Taxonomy, nothing: dict[str, float]) -> list[tuple[list[int], float]]:
    rows: dict[str, list[int]] = {category: [] for category in nothing}
    for row, tag_id in enumerate(tag_ids):
        if (category := taxonomy.tags[tag_id].category_id) in rows:
            rows[category].append(row)
    return [(found, nothing[category]) for category, found in rows.items() if found]


def _calibrate(calibration: Calibration, tag_ids: list[str], taxonomy: Taxonomy) -> tuple[Floats, Floats]:
    return calibration.of(tag_ids, [taxonomy.tags[tag_id].category_id for tag_id in tag_ids])
