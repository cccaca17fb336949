"""Drafts from a generative model: a tiny Qwen2-VL that memorised a few answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tagging_core import Decision, Kind, Settings, TaggingError, Tagloop, User
from tagging_core.assets.repository import AssetText
from tagging_core.errors import EncoderError
from tagging_core.publishing.caption_model import CaptionDrafter, CaptionModel, prompt, read_answer
from tagging_core.publishing.caption_templates import Description
from tests import tiny_writer
from tests.conftest import BLUE, RED, ingest


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> CaptionModel:
    return tiny_writer.make_caption_model(tmp_path_factory.mktemp("writer"))


@pytest.fixture
def drafting_loop(loop: Tagloop, writer: CaptionModel, monkeypatch: pytest.MonkeyPatch) -> Tagloop:
    """A Tagloop with the caption model."""
    drafter = CaptionDrafter(loop.database, loop.resources.images, "tiny")
    monkeypatch.setattr(drafter, "_writer", writer)
    monkeypatch.setattr(loop.captions, "drafter", drafter)
    return loop


def test_captions_depend_on_the_picture_and_the_language(writer: CaptionModel) -> None:
    red, blue = Image.new("RGB", (64, 48), RED), Image.new("RGB", (64, 48), BLUE)
    description = writer.write(red, [], "en")
    assert description == Description("en", "Red square", "A red square, all alone.", "A square that is red.")
    assert writer.write(blue, [], "en").title == "Blue square"
    assert writer.write(red, [], "zh") == Description("zh", "红色方块", "一个红色方块。", "红色方块。")


def test_a_draft_is_stored_only_when_saved(drafting_loop: Tagloop, ann: User) -> None:
    _, blue = ingest(drafting_loop, ann, RED, BLUE)
    draft = drafting_loop.captions.drafter.draft(ann, blue)
    assert draft.title == "Blue square"
    with drafting_loop.database.read() as connection:
        from tagging_core.assets import repository
        from tagging_core.publishing import captions

        asset = repository.get(connection, blue)
        before = captions.describe(connection, drafting_loop.taxonomy(), [asset])[blue]
    assert before.written == ()
    assert drafting_loop.captions.write(ann, blue, draft).written == ("title", "caption")


def test_fields_that_the_model_leaves_out_come_from_the_tags(drafting_loop: Tagloop, ann: User) -> None:
    (blue,) = ingest(drafting_loop, ann, BLUE)
    drafting_loop.review.set_text(ann, blue, AssetText(title="Kept"))
    drafting_loop.review.decide(ann, Decision(Kind.ACCEPT, blue, "garment.dress", profile="e-commerce"))
    assert drafting_loop.captions.drafter.draft(ann, blue).alt  # from the tag: the model has never seen this prompt


def test_the_prompt_contains_tags_and_text(loop: Tagloop) -> None:
    dress = loop.taxonomy().tags["garment.dress"]
    text = prompt([dress], "en", AssetText(title="Summer sale"))
    assert "Dress" in text
    assert "Summer sale" in text
    assert "连衣裙" in prompt([dress], "zh", AssetText())


def test_answers_are_parsed_regardless_of_their_formatting() -> None:
    description = read_answer("Sure!\n**Title:** A dress\n- Caption: It is red.\nAlt text: A red dress.", "en")
    assert description == Description("en", "A dress", "It is red.", "A red dress.")
    assert read_answer("no idea", "en") == Description("en")


def test_without_a_model_the_error_names_the_setting(loop: Tagloop, ann: User) -> None:
    with pytest.raises(TaggingError, match="TAGLOOP_WRITER"):
        loop.captions.drafter.draft(ann, 1)


def test_a_missing_model_is_reported(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(EncoderError, match="TAGLOOP_WRITER"):
        CaptionModel(str(tmp_path / "nothing"))
    settings = Settings(data_dir=data_dir, encoder="tiny", writer=str(tmp_path / "nothing"))
    opened = Tagloop(settings)  # the model is only loaded on first use
    assert opened.captions.drafter.available
    opened.close()
