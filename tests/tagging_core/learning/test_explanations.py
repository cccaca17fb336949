from __future__ import annotations

import numpy as np
import pytest

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.embeddings import vectors
from tests.conftest import BLUE, GREEN, RED, ingest

TAG = "scene.beach"


def test_evidence_lists_the_contributing_pictures_and_adds_up_to_the_logit(loop: Tagloop, ann: User) -> None:
    asked, alike, other = ingest(loop, ann, RED, (215, 35, 30), BLUE)
    loop.review.decide(ann, Decision(Kind.ACCEPT, alike, TAG, profile="travel"))
    loop.review.decide(ann, Decision(Kind.REJECT, other, TAG, profile="travel"))
    found = loop.review.explain(asked, TAG)
    by_asset = {e.asset_id: e for e in found.evidence}
    assert by_asset[alike].applies
    assert by_asset[alike].logit > 0.1
    assert not by_asset[other].applies
    assert by_asset[other].logit < by_asset[alike].logit
    assert found.evidence[0].asset_id == alike
    matrix = loop.model.library.matrix()
    with loop.database.read() as connection:
        vector = vectors.load(connection, loop.model.library.fingerprint, [asked])[asked]
    logit = matrix.logits(vector[None])[0, matrix.rows[TAG]]
    assert np.isclose(found.prior_logit + found.examples_logit, logit, atol=1e-3)
    assert found.probability == pytest.approx(matrix.probabilities(vector[None])[0, matrix.rows[TAG]])


def test_without_decisions_only_the_text_contributes(loop: Tagloop, ann: User) -> None:
    (asked,) = ingest(loop, ann, GREEN)
    found = loop.review.explain(asked, TAG)
    assert found.evidence == []
    assert found.examples_logit == 0


def test_unknown_pictures_and_tags_are_reported(loop: Tagloop, ann: User) -> None:
    (asked,) = ingest(loop, ann, GREEN)
    with pytest.raises(TaggingError, match="no tag 'x'"):
        loop.review.explain(asked, "x")
    with pytest.raises(TaggingError, match="Picture 999 has no vector"):
        loop.review.explain(999, TAG)
