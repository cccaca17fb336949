"""An installation that the previous release made (commit 57a64a9) opens, upgrades and keeps working.

`tests/data/installation-57a64a9.zip` is its data folder: four pictures in one batch, accepted, added, rejected
and undone tags, a finished review, a merged tag, a decision about two pictures at once.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.app import doctor
from tests.conftest import wait_for

OLD = Path(__file__).parents[2] / "data" / "installation-57a64a9.zip"
SUGGESTED = {"colour.yellow": 0.5815443, "shot.main": 0.2097866}


@pytest.fixture
def upgraded(data_dir: Path) -> Iterator[Tagloop]:
    with zipfile.ZipFile(OLD) as file:
        file.extractall(data_dir)
    loop = Tagloop(
        Settings(data_dir=data_dir, encoder="tiny", blind_share=0, known_share=0, time_zone="Europe/Berlin")
    )
    yield loop
    loop.close()


def test_the_doctor_finds_no_problem_once_the_tags_are_fitted_again(upgraded: Tagloop) -> None:
    upgraded.model.library.settle()
    assert [finding.what for finding in doctor.examine(upgraded) if not finding.ok] == []


def test_decisions_and_learned_tags_survive_the_upgrade(upgraded: Tagloop, ann: User) -> None:
    labels = upgraded.assets.labels([1, 2, 3, 4])
    assert {asset: {tag: label.value for tag, label in found.items()} for asset, found in labels.items()} == {
        1: {"garment.dress": 1},
        2: {"garment.dress": 1},
        3: {"colour.green": 1},
        4: {"colour.green": 1},
    }
    shown = upgraded.review.suggest(4, "e-commerce")
    assert {s.tag_id: s.probability for s in shown} == pytest.approx(SUGGESTED, abs=1e-6)
    assert upgraded.rebuild(ann) == 7
    assert upgraded.assets.labels([1, 2, 3, 4]) == labels


def test_an_upgraded_installation_keeps_working(upgraded: Tagloop, ann: User) -> None:
    upgraded.start()
    wait_for(lambda: upgraded.worker is not None and upgraded.worker.warm)
    event = upgraded.review.decide(ann, Decision(Kind.ADD, 3, "garment.hat", profile="e-commerce"))
    upgraded.review.undo(ann, event)
    wait_for(lambda: upgraded.resources.index.feeder.pending() == 0)
    assert upgraded.worker is not None
    assert upgraded.worker.chroma == "opened"
    assert [hit.asset_id for hit in upgraded.search.find("dress").hits[:2]] == [1, 2]
