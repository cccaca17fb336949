"""Fits of tags as stored in SQL: made from a tag's examples, and read back as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, select, true

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import LearnerDefaults, Vectors
from tagging_core.learning import calibration_data
from tagging_core.learning.calibration import Calibration
from tagging_core.learning.classifier import Examples, Fit, ReferencePack, TagModel, fit_tag
from tagging_core.learning.tag_matrix import TagMatrix, make_matrix
from tagging_core.learning.training_set import TrainingExample, TrainingSetSampler
from tagging_core.storage.schema import learned
from tagging_core.taxonomy.model import Tag, Taxonomy

_MAX_UNSEEN = 500  # above this number of new tags, the whole table is read instead of filtering by id


def fit_examples(
    sampler: TrainingSetSampler, tag: Tag, text: Vectors, *, pack: ReferencePack, defaults: LearnerDefaults
) -> tuple[Fit, list[TrainingExample], Examples]:
    """Fit a tag to its decided pictures.

    Args:
        sampler: Reads the decided pictures.
        tag: The tag.
        text: `(d,)` its unit text vector.
        pack: The reference pack in force, with the tag's prior if it has one.
        defaults: The encoder's hyperparameters.

    Returns:
        The fit, the training examples that have a vector, and their arrays in the same order.
    """
    usable, found = sampler.of(tag)
    stacked = np.stack(found) if found else np.zeros((0, len(text)), np.float32)
    labels = np.array([c.label for c in usable], dtype=np.float64)
    weights = np.array([c.weight for c in usable], dtype=np.float64)
    known = Examples(pack.centre(stacked), labels, weights)
    return fit_tag(text, known, pack, defaults=defaults, prior=pack.priors.get(tag.id)), usable, known


def stored_fit(
    fingerprint: str, tag: Tag, fit: Fit, *, usable: list[TrainingExample], positives: int
) -> dict[str, Any]:
    """Return the row of a fit, without its revision."""
    return {
        "fingerprint": fingerprint,
        "tag_id": tag.id,
        "weights": vectors.to_bytes(fit.model.weights),
        "bias": fit.model.bias,
        "positives": positives,
        "negatives": len(usable) - positives,
        "left_out": calibration_data.pack_held_out(usable, fit.held_out),
    }


def read_matrix(
    connection: Connection,
    fingerprint: str,
    old: TagMatrix | None,
    *,
    revision: int,
    pack: ReferencePack,
    taxonomy: Taxonomy,
    calibration: Calibration,
    nothing: dict[str, float],
) -> TagMatrix:
    """Read the matrix of a revision; only rows newer than the previous matrix are read.

    Args:
        connection: A read or write transaction.
        fingerprint: Of the vector space.
        old: An earlier matrix under the same pack, None for none.
        revision: Of the tag library.
        pack: The reference pack in force.
        taxonomy: At that revision.
        calibration: At that revision.
        nothing: Logit of "none of them" by exclusive category.
    """
    active = [tag.id for tag in taxonomy.active()]
    wanted = learned.c.revision > (old.revision if old is not None else -1)
    if old is not None and (unseen := set(active) - old.rows.keys()):
        wanted = wanted | learned.c.tag_id.in_(unseen) if len(unseen) <= _MAX_UNSEEN else true()
    query = select(learned.c.tag_id, learned.c.weights, learned.c.bias)
    rows = connection.execute(query.where(learned.c.fingerprint == fingerprint, wanted))
    models = {row.tag_id: TagModel(vectors.from_bytes(row.weights), row.bias) for row in rows}
    if old is not None and old.tag_ids == [t for t in active if t in old.rows or t in models]:
        models = {tag_id: model for tag_id, model in models.items() if tag_id in old.rows}
        return old.with_changes(revision, models, calibration, taxonomy=taxonomy, nothing=nothing)
    known = models if old is None else old.models() | models
    return make_matrix(revision, known, calibration, pack=pack, taxonomy=taxonomy, nothing=nothing)
