"""Proposals for confused tags and for probable label errors."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, and_, func, select

from tagging_core.curation.proposals.store import Proposal
from tagging_core.learning.calibration_data import HeldOutLogits
from tagging_core.learning.classifier import logit, sigmoid
from tagging_core.learning.training_set import ExampleKind
from tagging_core.storage.schema import labels
from tagging_core.taxonomy.model import Taxonomy

_MIN_CONFUSIONS = 3  # number of confusions from which a pair is proposed
_REJECTED_SAMPLE = 2000  # rejected pictures of a tag that are read
_MAX_ERRORS = 500  # label errors that are proposed


def taken_for(connection: Connection, tag_id: str, taxonomy: Taxonomy) -> dict[str, list[int]]:
    """Return pictures on which a tag was rejected and another of its category added, by the added tag."""
    shown, given = labels, labels.alias()
    sample = (
        select(shown.c.asset_id)
        .where(shown.c.tag_id == tag_id, shown.c.value == 0, shown.c.shown)
        .order_by(shown.c.sample)
        .limit(_REJECTED_SAMPLE)
        .subquery()
    )
    both = and_(given.c.asset_id == sample.c.asset_id, given.c.value == 1, ~given.c.shown)
    found: dict[str, list[int]] = defaultdict(list)
    category = taxonomy.tag(tag_id).category_id
    for asset_id, other in connection.execute(select(given.c.asset_id, given.c.tag_id).join(sample, both)):
        if other in taxonomy.tags and taxonomy.tags[other].category_id == category:
            found[other].append(asset_id)
    return dict(sorted(found.items(), key=lambda x: -len(x[1])))


def confusions(connection: Connection, taxonomy: Taxonomy) -> dict[tuple[str, str], int]:
    """Count pictures by (rejected suggestion, added tag of the same category)."""
    shown, given = labels, labels.alias()
    query = (
        select(shown.c.tag_id, given.c.tag_id, func.count())
        .join(given, and_(given.c.asset_id == shown.c.asset_id, given.c.value == 1, ~given.c.shown))
        .where(shown.c.value == 0, shown.c.shown)
        .group_by(shown.c.tag_id, given.c.tag_id)
    )
    tags = taxonomy.tags
    return {
        (a, b): int(n)
        for a, b, n in connection.execute(query)
        if a in tags and b in tags and tags[a].category_id == tags[b].category_id
    }


def propose_confusions(
    connection: Connection, taxonomy: Taxonomy, found: dict[tuple[str, str], int]
) -> list[Proposal]:
    """Return a proposal with sample pictures for each of the 100 most frequent confusions."""
    pairs = sorted((pair for pair, n in found.items() if n >= _MIN_CONFUSIONS), key=lambda pair: -found[pair])[:100]
    return [
        Proposal(
            "confusion",
            (a, b),
            float(found[a, b]),
            {"times": found[a, b], "pictures": taken_for(connection, a, taxonomy).get(b, [])[:12]},
        )
        for a, b in pairs
    ]


def propose_wrong(taxonomy: Taxonomy, left_out: dict[str, HeldOutLogits], prior: float) -> list[Proposal]:
    """Return positive examples that are probably label errors.

    As in confident learning (Northcutt et al. 2021, arXiv 1911.00068), each label is compared with its held-out
    prediction: an example is doubtful if its leave-one-out probability is below the prior.

    Args:
        left_out: Leave-one-out logits of the examples by tag id.
        prior: Prior probability of a tag, in (0, 1).
    """
    proposals = []
    for tag in taxonomy.active():
        rows = left_out.get(tag.id)
        if rows is None:
            continue
        for row in rows[(rows["kind"] == ExampleKind.POSITIVE) & (rows["logit"] < logit(prior))]:
            evidence = {"picture": int(row["asset"]), "probability": round(float(sigmoid(row["logit"])), 4)}
            subjects = (tag.id, str(int(row["asset"])))
            proposals.append(Proposal("wrong", subjects, round(-float(row["logit"]), 4), evidence))
    return sorted(proposals, key=lambda p: -p.score)[:_MAX_ERRORS]
