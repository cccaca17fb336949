"""Proposals for new tags: clusters of similar pictures that no tag fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sqlalchemy import Connection, exists, select

from tagging_core.curation.proposals.store import Proposal
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors, unit
from tagging_core.learning.clustering import clusters
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.storage.schema import assets, labels
from tagging_core.taxonomy.matching import same_word

VOCABULARY = 5
"""Number of names proposed for a cluster."""

_SAMPLE_SIZE = 1000  # pictures with the lowest `sample` numbers: a fixed random sample
_MIN_PROBABILITY = 0.3  # below this, a tag does not fit
_MIN_PICTURES = 5  # size from which a cluster is proposed


def find(
    connection: Connection, matrix: TagMatrix, fingerprint: str, *, words: Callable[[], dict[str, Vectors]]
) -> list[Proposal]:
    """Return clusters of untagged pictures that no tag fits, with candidate names.

    Args:
        words: Returns text vectors `(d,)` by candidate name; the first call is slow.
    """
    tagged = exists().where(labels.c.asset_id == assets.c.id, labels.c.value == 1)
    query = select(assets.c.id).where(~tagged).order_by(assets.c.sample).limit(_SAMPLE_SIZE)
    ids = list(connection.execute(query).scalars())
    found = vectors.load(connection, fingerprint, ids)
    asset_ids = sorted(found)
    if len(asset_ids) < _MIN_PICTURES or not matrix.tag_ids:
        return []
    pictures = np.stack([found[a] for a in asset_ids])
    unfit = np.flatnonzero(matrix.probabilities(pictures).max(axis=1) < _MIN_PROBABILITY)
    if len(unfit) < _MIN_PICTURES:
        return []
    centred = unit(matrix.pack.centre(pictures[unfit]))
    proposals = []
    for members in (found for found in clusters(centred) if len(found) >= _MIN_PICTURES):
        cluster_ids = [asset_ids[unfit[m]] for m in members]
        names = _names(unit(centred[members].mean(axis=0)), words(), matrix)
        evidence = {"pictures": cluster_ids, "names": names}
        proposals.append(Proposal("new", (str(min(cluster_ids)),), float(len(cluster_ids)), evidence))
    return proposals


def _names(mean: Vectors, words: dict[str, Vectors], matrix: TagMatrix) -> list[str]:
    """Return the words closest to a cluster that no tag uses yet."""
    taken = {same_word(word) for tag in matrix.taxonomy.assignable() for word in tag.words()}
    texts = np.stack(list(words.values())) if words else np.zeros((0, len(mean)), np.float32)
    # Subtract the similarity to the mean picture: words close to every picture do not describe the cluster.
    fits = texts @ mean - texts @ unit(matrix.pack.mean) if len(texts) else np.zeros(0)
    names = [list(words)[place] for place in np.argsort(-fits, kind="stable")]
    return [name for name in names if same_word(name) not in taken][:VOCABULARY]
