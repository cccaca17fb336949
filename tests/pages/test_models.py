"""The Models page: devices, and another model that is built, compared, activated and dropped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.learning import learned_starter
from tagging_core.learning.classifier import TagModel, TagPrior
from tagging_core.learning.learned_starter import LearnedStarter
from tests.conftest import RED, ingest, wait_for
from tests.pages.conftest import plain, press
from tests.tagging_core.app.test_model_rollout import COLOURS, RotatedEncoder

Open = Callable[..., AppTest]


def test_the_active_model_and_its_device_are_shown(
    open_page: Open, console: Tagloop, ann: User, operator: User
) -> None:
    ingest(console, ann, RED)
    at = open_page(page_paths.MODELS, operator)
    found = {metric.label: metric.value for metric in at.metric}
    assert found["Device"] == "cpu"
    assert "GB" in found["Memory in use"]
    assert found["Pictures waiting"] == "0"
    assert any(console.model.preset.fingerprint in m.value for m in at.markdown)


def test_another_model_is_built_compared_activated_and_dropped(
    open_page: Open, console: Tagloop, ann: User, operator: User
) -> None:
    other, old = RotatedEncoder(), console.model.preset.fingerprint
    console.resources.encoders.register(other)
    assets = ingest(console, ann, *COLOURS)
    for asset in assets[3:]:
        console.review.decide(ann, Decision(Kind.ADD, asset, "colour.red", profile="e-commerce"))
        console.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    at = open_page(page_paths.MODELS, operator)
    at.selectbox(key="model_name").set_value("Another: a folder on this machine, or a hub id").run()
    at.text_input(key="model_other").set_value("turned").run()
    press(at, "Build beside the active model")
    wait_for(lambda: any(p.space.state == SpaceState.READY and not p.pending for p in console.models.all()))
    at.run()
    press(at, "Compare")
    assert any(m.label == "Precision" and "%" in m.value for m in at.metric)
    press(at, "Activate")
    assert console.model.preset.fingerprint == other.fingerprint
    press(at, "Switch back")
    assert console.model.preset.fingerprint == old
    press(at, "Drop it")
    assert [p.space.fingerprint for p in console.models.all()] == [old]


def test_an_unknown_model_name_is_refused(open_page: Open, operator: User) -> None:
    at = open_page(page_paths.MODELS, operator)
    at.selectbox(key="model_name").set_value("Another: a folder on this machine, or a hub id").run()
    at.text_input(key="model_other").set_value("siglip-base").run()
    press(at, "Build beside the active model")
    assert "Did you mean 'siglip2-base'" in plain(at.error[0].value)


def test_a_model_without_a_starter_says_where_its_confidences_come_from(open_page: Open, operator: User) -> None:
    at = open_page(page_paths.MODELS, operator)
    assert any("come from a formula" in m.value for m in at.markdown)


def test_a_starter_is_offered_adopted_and_dropped(
    open_page: Open, console: Tagloop, operator: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dimension = len(console.model.library.matrix().pack.mean)
    model = TagModel(np.ones(dimension, np.float32), 0.5)
    mean = np.zeros(dimension, np.float32)
    priors = {"garment.dress": TagPrior(model, photos=7)}
    shipped = LearnedStarter(console.model.preset.fingerprint, 7, mean, priors, {})
    monkeypatch.setattr(learned_starter, "FOLDER", tmp_path)
    (tmp_path / f"{shipped.fingerprint}.npz").write_bytes(shipped.to_bytes())
    at = open_page(page_paths.MODELS, operator)
    assert any("**7 labelled photos**" in m.value for m in at.markdown)
    press(at, "Use it")
    assert console.models.starter.status().photos == 7
    press(at, "Stop using it now")
    assert console.models.starter.status().photos == 0
