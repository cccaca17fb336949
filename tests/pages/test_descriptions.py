from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Tagloop, User
from tagging_core.assets import repository
from tagging_core.publishing import captions
from tagging_core.publishing.caption_model import CaptionDrafter
from tests import tiny_writer
from tests.conftest import BLUE, ingest
from tests.pages.surface import Surface


def fields(at: AppTest) -> dict[str, str]:
    return {
        key.split("_")[2]: area.value
        for area in at.text_area
        if (key := area.key or "").startswith("review_description_")
    }


def open_details(at: AppTest) -> AppTest:
    Surface(at).open("details")
    return at


def save(at: AppTest) -> None:
    next(button for button in at.button if button.label == "Save description").click().run()
    assert not at.exception


def written(loop: Tagloop, asset_id: int) -> captions.Captions:
    with loop.database.read() as connection:
        asset = repository.get(connection, asset_id)
        return captions.describe(connection, loop.taxonomy(), [asset])[asset_id]


def test_a_written_description_is_kept_until_it_is_cleared(
    open_page: Callable[..., AppTest], console: Tagloop, ann: User
) -> None:
    (picture,) = ingest(console, ann, BLUE)
    at = open_details(open_page(page_paths.REVIEW))
    assert not any(button.label == "Draft from the picture" for button in at.button)
    at.text_area(key=f"review_description_alt_{picture}").set_value("A blue square.")
    save(at)
    assert written(console, picture).description.alt == "A blue square."
    open_details(at)
    at.text_area(key=f"review_description_alt_{picture}").set_value("")
    save(at)
    assert written(console, picture).written == ()


def test_a_draft_stays_in_the_form_until_it_is_saved(
    open_page: Callable[..., AppTest],
    console: Tagloop,
    ann: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drafter = CaptionDrafter(console.database, console.resources.images, "tiny")
    monkeypatch.setattr(drafter, "_writer", tiny_writer.make_caption_model(tmp_path / "writer"))
    monkeypatch.setattr(console.captions, "drafter", drafter)
    (picture,) = ingest(console, ann, BLUE)
    at = open_details(open_page(page_paths.REVIEW))
    next(button for button in at.button if button.label == "Draft from the picture").click()
    at.session_state["review_dialog"] = ("details", picture, None)  # in a browser the dialog stays open
    at.run()
    assert not at.exception
    assert fields(at)["title"] == "Blue square"
    assert written(console, picture).written == ()
    save(at)
    assert written(console, picture).description.title == "Blue square"
