from __future__ import annotations

import numpy as np
import pytest

from tagging_core import Tagloop, User
from tagging_core.embeddings.encoders import unit
from tagging_core.learning.uncertainty import margins, picture_margins
from tagging_core.review.planner import TYPICAL_FIRST, choose
from tagging_core.review.queue import Order, View
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest


def test_at_first_every_kind_of_picture_is_met() -> None:
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), [40, 5, 5, 5])
    pictures = unit(np.eye(8)[kinds] + random.normal(size=(55, 8)) * 0.05)
    chosen = choose(pictures, np.full((55, 2), 0.5), [], finished=0, count=8)
    assert set(kinds[chosen]) == {0, 1, 2, 3}


def test_later_doubt_leads_and_a_share_is_random() -> None:
    p = np.linspace(0.99, 0.5, 50)[:, None]
    chosen = choose(unit(np.ones((50, 4))), p, [], finished=TYPICAL_FIRST, count=10)
    assert set(chosen) == {*range(42, 50), 0, 1}


def test_doubt_is_between_rivals_or_about_one_tag_alone() -> None:
    p = np.array([[0.48, 0.47, 0.01], [0.02, 0.01, 0.01], [0.9, 0.05, 0.52], [0.9, 0.05, 0.98]])
    found = margins(p, [[0, 1]])
    assert found[0] == pytest.approx(0.01)
    assert found[1] > 0.9  # surely none of the two, and surely not the third
    assert found[2] == pytest.approx(0.04)
    assert found[3] > 0.8


def test_doubtful_pictures_come_first_in_the_order_of_doubt(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    view = View("e-commerce", order=Order.DOUBT)
    order = []
    while (turn := loop.review.assigner.next(ann, view, order)) is not None and turn.asset_id not in order:
        order.append(turn.asset_id)
    with loop.database.read() as connection:
        scored = loop.model.suggester.score(connection, order, "general")
    sure = picture_margins(scored.matrix, scored.matrix.taxonomy.profile("e-commerce"), scored.probabilities)
    assert sorted(order) == assets
    assert np.all(np.diff(sure) >= 0)
