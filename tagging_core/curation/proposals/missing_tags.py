"""Pictures that look alike and that no tag fits well: perhaps a tag is missing."""

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
"""Names that are proposed."""

_POOL = 1000  # pictures that are looked at, the lowest `sample` numbers: always the same choice
_FIT = 0.3  # probability of a tag below which it does not fit
_LEAST = 5  # pictures that make a tag worth having


def find(
    connection: Connection, matrix: TagMatrix, fingerprint: str, words: Callable[[], dict[str, Vectors]]
) -> list[Proposal]:
    """Clusters of pictures without a good tag, with names for what they show.

    Args:
        words: Gives the text vectors `(d,)` of names that a cluster may be given; slow at first.
    """
    given = exists().where(labels.c.asset_id == assets.c.id, labels.c.value == 1)
    query = select(assets.c.id).where(~given).order_by(assets.c.sample).limit(_POOL)
    ids = list(connection.execute(query).scalars())
    found = vectors.load(connection, fingerprint, ids)
    asset_ids = sorted(found)
    if len(asset_ids) < _LEAST or not matrix.tag_ids:
        return []
    pictures = np.stack([found[a] for a in asset_ids])
    unfit = np.flatnonzero(matrix.probabilities(pictures).max(axis=1) < _FIT)
    if len(unfit) < _LEAST:
        return []
    centred = unit(matrix.pack.centre(pictures[unfit]))
    proposals = []
    for members in (found for found in clusters(centred) if len(found) >= _LEAST):
        mine = [asset_ids[unfit[m]] for m in members]
        names = _names(unit(centred[members].mean(axis=0)), words(), matrix)
        evidence = {"pictures": mine, "names": names}
        proposals.append(Proposal("new", (str(min(mine)),), float(len(mine)), evidence))
    return proposals


def _names(mean: Vectors, words: dict[str, Vectors], matrix: TagMatrix) -> list[str]:
    """The words that fit a cluster best and that no tag has."""
    taken = {same_word(word) for tag in matrix.taxonomy.assignable() for word in tag.words()}
    texts = np.stack(list(words.values())) if words else np.zeros((0, len(mean)), np.float32)
    # What is close to every picture says nothing of these.
    fits = texts @ mean - texts @ unit(matrix.pack.mean) if len(texts) else np.zeros(0)
    names = [list(words)[place] for place in np.argsort(-fits, kind="stable")]
    return [name for name in names if same_word(name) not in taken][:VOCABULARY]
