"""Calibration data: labels of decided pictures with leave-one-out logits.

Pairs must not be selected by their label. A suggestion was selected by its score, which calibration may depend on.
A tag that a person added was selected because it applies, so it counts only if the review was finished, which
labels the omitted tags as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from tagging_core.learning.calibration import CalibrationData, among_rivals
from tagging_core.learning.classifier import Floats
from tagging_core.learning.training_set import MOST, ExampleKind, TrainingExample
from tagging_core.ledger.projection import IMPLICIT_SAMPLE
from tagging_core.storage.schema import counters, learned, reviews
from tagging_core.taxonomy.model import Tag, Taxonomy

_ROW = np.dtype([("asset", "<i8"), ("logit", "<f4"), ("looked_at", "<f4"), ("kind", "u1"), ("shown", "u1")])

HeldOutLogits = NDArray[np.void]
"""One row per example of a tag: asset, leave-one-out logit, and the properties of `TrainingExample`."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """Population sizes that a tag's examples were sampled from."""

    by_name: dict[str, int]
    taxonomy: Taxonomy

    def sampling_weights(self, tag: Tag, in_category: int) -> Floats:
        """Return the sampling weight by kind, at least 1.

        Args:
            in_category: Accepted decisions over the tag's category; used only where tags are rivals.
        """
        get = self.by_name.get
        rivals = in_category - get(f"tag.{tag.id}=1", 0)
        done = [get(f"done.{profile.id}", 0) for profile in self.taxonomy.profiles_with(tag.category_id)]
        left_out = sum(done) / max(1, sum(min(n, IMPLICIT_SAMPLE) for n in done))
        sizes = {
            ExampleKind.POSITIVE: get(f"tag.{tag.id}=1", 0),
            ExampleKind.NEGATIVE: get(f"tag.{tag.id}=0", 0),
            ExampleKind.RIVAL: rivals,
        }
        return np.array([*(max(1.0, sizes[kind] / MOST[kind]) for kind in sizes), max(1.0, left_out)])


def pack_held_out(choices: Sequence[TrainingExample], logits: Floats) -> bytes:
    """Serialise examples and their leave-one-out logits for the database."""
    rows = np.zeros(len(choices), _ROW)
    rows["asset"] = [choice.asset_id for choice in choices]
    rows["logit"] = logits
    rows["looked_at"] = [choice.looked_at for choice in choices]
    rows["kind"] = [choice.kind for choice in choices]
    rows["shown"] = [choice.shown for choice in choices]
    return rows.tobytes()


def unpack_held_out(data: bytes) -> HeldOutLogits:
    """Deserialise the output of `pack_held_out`."""
    return np.frombuffer(data, _ROW)


def load_held_out(connection: Connection, fingerprint: str, tag_ids: Sequence[str]) -> dict[str, HeldOutLogits]:
    """Return examples with leave-one-out logits by tag id; tags that were never fitted are absent."""
    query = select(learned.c.tag_id, learned.c.left_out)
    mine = learned.c.fingerprint == fingerprint, learned.c.tag_id.in_(tag_ids)
    return {row.tag_id: unpack_held_out(row.left_out) for row in connection.execute(query.where(*mine))}


def collect(
    connection: Connection, taxonomy: Taxonomy, left_out: dict[str, HeldOutLogits], *, nothing: dict[str, float]
) -> CalibrationData:
    """Collect calibration data of all active tags.

    Args:
        left_out: Leave-one-out logits by tag id.
        nothing: Logit of "none of them" by exclusive category.
    """
    names = connection.execute(select(counters.c.name, counters.c.n))
    counts = _Counts({row.name: row.n for row in names}, taxonomy)
    finished = _finished(connection, list(left_out.values()))
    parts: list[tuple[str, Floats, Floats, Floats]] = []
    by_category: dict[str, list[Tag]] = defaultdict(list)
    for tag in taxonomy.active():
        by_category[tag.category_id].append(tag)
    for category_id, members in by_category.items():
        accepted = sum(counts.by_name.get(f"tag.{tag.id}=1", 0) for tag in members)
        known = [tag for tag in members if len(left_out.get(tag.id, ()))]
        rows = {tag.id: left_out[tag.id] for tag in known}
        unbiased = {tag_id: (r["shown"] > 0) | np.isin(r["asset"], finished) for tag_id, r in rows.items()}
        weights = {tag.id: counts.sampling_weights(tag, accepted)[rows[tag.id]["kind"]] for tag in known}
        if category_id in nothing and known:
            parts += _rivals(rows, unbiased, weights, nothing=nothing[category_id])
        else:
            for tag_id, r in rows.items():
                keep = unbiased[tag_id]
                weight = _scaled(weights[tag_id][keep]) * r["looked_at"][keep]
                parts.append((tag_id, r["logit"][keep], _labels(r[keep]), weight))
    return _join([part for part in parts if len(part[1])], taxonomy)


def _rivals(
    rows: dict[str, HeldOutLogits],
    unbiased: dict[str, NDArray[np.bool_]],
    weights: dict[str, Floats],
    *,
    nothing: float,
) -> list[tuple[str, Floats, Floats, Floats]]:
    """Pairs of an exclusive category, from pictures that are examples of all its tags, so every logit is held out.

    All tags are sampled by the same numbers, so large samples overlap at their lower end.
    """
    assets = None
    for tag_id, r in rows.items():
        mine = r["asset"][unbiased[tag_id]]
        assets = mine if assets is None else assets[np.isin(assets, mine)]
    assert assets is not None
    places = {tag_id: np.searchsorted(r["asset"], assets) for tag_id, r in rows.items()}
    logits = np.stack([rows[t]["logit"][place] for t, place in places.items()], axis=1).astype(np.float64)
    weight = _scaled(np.max([weights[t][place] for t, place in places.items()], axis=0))
    weight = weight * np.max([rows[t]["looked_at"][place] for t, place in places.items()], axis=0)
    against = among_rivals(logits, nothing) if len(assets) else logits
    return [
        (tag_id, against[:, n], _labels(rows[tag_id][place]), weight)
        for n, (tag_id, place) in enumerate(places.items())
    ]


def _join(parts: list[tuple[str, Floats, Floats, Floats]], taxonomy: Taxonomy) -> CalibrationData:
    """Concatenate all pairs."""
    tag_ids = [part[0] for part in parts]
    empty = [np.zeros(0)]
    return CalibrationData(
        logits=np.concatenate([part[1] for part in parts] or empty).astype(np.float64),
        labels=np.concatenate([part[2] for part in parts] or empty),
        weights=np.concatenate([part[3] for part in parts] or empty),
        rows=np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts]),
        tag_ids=tag_ids,
        category_ids=[taxonomy.tags[tag_id].category_id for tag_id in tag_ids],
    )


def _scaled(weights: Floats) -> Floats:
    """Scale a tag's sampling weights to mean 1, else a large archive overrides the priors."""
    return weights / weights.mean() if len(weights) else weights


def _labels(rows: HeldOutLogits) -> Floats:
    return np.asarray(rows["kind"] == ExampleKind.POSITIVE, np.float64)


def _finished(connection: Connection, left_out: Sequence[HeldOutLogits]) -> NDArray[np.int64]:
    """Assets with a finished review, among examples whose tag was not shown."""
    unseen = sorted({int(a) for rows in left_out for a in rows["asset"][rows["shown"] == 0]})
    found: list[int] = []
    for start in range(0, len(unseen), 500):
        query = select(reviews.c.asset_id).where(reviews.c.asset_id.in_(unseen[start : start + 500])).distinct()
        found += connection.execute(query).scalars()
    return np.array(sorted(found), np.int64)
