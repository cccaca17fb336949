"""Tags taken for one another, and examples that probably have a tag wrongly."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, and_, func, select

from tagging_core.curation.proposals.store import Proposal
from tagging_core.learning.calibration_data import HeldOutLogits
from tagging_core.learning.classifier import logit, sigmoid
from tagging_core.learning.training_set import ExampleKind
from tagging_core.storage.schema import labels
from tagging_core.taxonomy.model import Taxonomy

_LEAST = 3  # times that a tag is taken for another, until it is worth a look
_REJECTED = 2000  # pictures that a tag was rejected for that are looked at
_WRONG = 500  # doubtful examples that are kept


def taken_for(connection: Connection, tag_id: str, taxonomy: Taxonomy) -> dict[str, list[int]]:
    """Pictures on which a tag was suggested and rejected and another of its category given, by that other tag."""
    shown, given = labels, labels.alias()
    sample = (
        select(shown.c.asset_id)
        .where(shown.c.tag_id == tag_id, shown.c.value == 0, shown.c.shown)
        .order_by(shown.c.sample)
        .limit(_REJECTED)
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
    """How often a tag was suggested and rejected where another of its category was given."""
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
    """The pairs worth a look, with some of their pictures."""
    often = sorted((pair for pair, n in found.items() if n >= _LEAST), key=lambda pair: -found[pair])[:100]
    return [
        Proposal(
            "confusion",
            (a, b),
            float(found[a, b]),
            {"times": found[a, b], "pictures": taken_for(connection, a, taxonomy).get(b, [])[:12]},
        )
        for a, b in often
    ]


def propose_wrong(taxonomy: Taxonomy, left_out: dict[str, HeldOutLogits], prior: float) -> list[Proposal]:
    """Examples that speak against the tag they have.

    As in confident learning (Northcutt et al. 2021, arXiv 1911.00068) the label is held against what the library
    would say had nobody given it. Doubtful is what makes the tag less likely than knowing nothing of the picture.

    Args:
        left_out: By tag, its examples with their left-out logits.
        prior: Probability of a tag before anything is known, in (0, 1).
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
    return sorted(proposals, key=lambda p: -p.score)[:_WRONG]
