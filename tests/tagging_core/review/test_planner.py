from __future__ import annotations

import numpy as np
import pytest

from tagging_core import Tagloop, User
from tagging_core.embeddings.encoders import unit
from tagging_core.learning.uncertainty import margins, picture_margins
from tagging_core.review.planner import TYPICAL_FIRST, choose
from tagging_core.review.queue import Order, View
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest


def test_the_first_pictures_cover_every_kind() -> None:
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), [40, 5, 5, 5])
    pictures = unit(np.eye(8)[kinds] + random.normal(size=(55, 8)) * 0.05)
    chosen = choose(pictures, np.full((55, 2), 0.5), [], finished=0, count=8)
    assert set(kinds[chosen]) == {0, 1, 2, 3}


def test_later_uncertain_pictures_come_first_with_a_random_share() -> None:
    p = np.linspace(0.99, 0.5, 50)[:, None]
    chosen = choose(unit(np.ones((50, 4))), p, [], finished=TYPICAL_FIRST, count=10)
    assert set(chosen) == {*range(42, 50), 0, 1}


def test_the_margin_is_between_rivals_or_of_a_single_tag() -> None:
    p = np.array([[0.48, 0.47, 0.01], [0.02, 0.01, 0.01], [0.9, 0.05, 0.52], [0.9, 0.05, 0.98]])
    found = margins(p, [[0, 1]])
    assert found[0] == pytest.approx(0.01)
    assert found[1] > 0.9  # certainly neither of the rivals, and certainly not the third tag
    assert found[2] == pytest.approx(0.04)
    assert found[3] > 0.8


def test_the_doubt_order_starts_with_the_most_uncertain_pictures(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    view = View("e-commerce", order=Order.DOUBT)
    order = []
    while (turn := loop.review.assigner.next(ann, view, order)) is not None and turn.asset_id not in order:
        order.append(turn.asset_id)
    with loop.database.read() as connection:
        scored = loop.model.suggester.score(connection, order, "general")
    margin = picture_margins(scored.matrix, scored.matrix.taxonomy.profile("e-commerce"), scored.probabilities)
    assert sorted(order) == assets
    assert order == [scored.asset_ids[n] for n in np.argsort(margin)]
