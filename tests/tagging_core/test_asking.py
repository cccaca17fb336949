from __future__ import annotations

import numpy as np
import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.asking import TYPICAL_FIRST, choose, margins
from tagging_core.encoders import unit
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


def test_all_waiting_pictures_come_once_and_none_twice(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    seen = []
    while (asset_id := loop.next_picture("e-commerce")) is not None and asset_id not in seen:
        seen.append(asset_id)
        if asset_id != assets[0]:
            loop.decide(ann, Decision(Kind.DONE, asset_id, profile="e-commerce"))
    assert sorted(seen) == sorted(assets)
    assert loop.next_picture("e-commerce") == assets[0]  # only looked at: it still waits
    loop.decide(ann, Decision(Kind.SKIP, assets[0], profile="e-commerce"))
    assert loop.next_picture("e-commerce") is None


def test_two_people_are_not_given_the_same_picture(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED, BLUE)
    assert loop.next_picture("e-commerce") != loop.next_picture("e-commerce")


def test_a_batch_gives_its_own_pictures_only(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED, BLUE)
    mine = ingest(loop, ann, (9, 9, 9))
    assert loop.next_picture("e-commerce", batch_id=2) == mine[0]
