"""Drafts of a generative model: a tiny Qwen2-VL that learned a few answers by heart."""

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
    return tiny_writer.knowing_squares(tmp_path_factory.mktemp("writer"))


@pytest.fixture
def drafting(loop: Tagloop, writer: CaptionModel, monkeypatch: pytest.MonkeyPatch) -> Tagloop:
    """A Tagloop that has the writer."""
    drafter = CaptionDrafter(loop.database, loop.resources.images, "tiny")
    monkeypatch.setattr(drafter, "_writer", writer)
    monkeypatch.setattr(loop.captions, "drafter", drafter)
    return loop


def test_what_is_written_depends_on_the_picture_and_the_language(writer: CaptionModel) -> None:
    red, blue = Image.new("RGB", (64, 48), RED), Image.new("RGB", (64, 48), BLUE)
    said = writer.write(red, [], "en")
    assert said == Description("en", "Red square", "A red square, all alone.", "A square that is red.")
    assert writer.write(blue, [], "en").title == "Blue square"
    assert writer.write(red, [], "zh") == Description("zh", "红色方块", "一个红色方块。", "红色方块。")


def test_a_draft_is_kept_only_when_saved(drafting: Tagloop, ann: User) -> None:
    _, blue = ingest(drafting, ann, RED, BLUE)
    draft = drafting.captions.drafter.draft(ann, blue)
    assert draft.title == "Blue square"
    with drafting.database.read() as connection:
        from tagging_core.assets import repository
        from tagging_core.publishing import captions

        asset = repository.get(connection, blue)
        before = captions.describe(connection, drafting.taxonomy(), [asset])[blue]
    assert before.written == ()
    assert drafting.captions.write(ann, blue, draft).written == ("title", "caption")


def test_what_the_model_leaves_out_follows_the_tags(drafting: Tagloop, ann: User) -> None:
    (blue,) = ingest(drafting, ann, BLUE)
    drafting.review.set_text(ann, blue, AssetText(title="Kept"))
    drafting.review.decide(ann, Decision(Kind.ACCEPT, blue, "garment.dress", profile="e-commerce"))
    assert drafting.captions.drafter.draft(
        ann, blue
    ).alt  # from the tag, whatever the model says to a prompt it never saw


def test_tags_and_texts_are_told_to_the_model(loop: Tagloop) -> None:
    dress = loop.taxonomy().tags["garment.dress"]
    words = prompt([dress], "en", AssetText(title="Summer sale"))
    assert "Dress" in words
    assert "Summer sale" in words
    assert "连衣裙" in prompt([dress], "zh", AssetText())


def test_answers_are_read_however_they_are_dressed_up() -> None:
    said = read_answer("Sure!\n**Title:** A dress\n- Caption: It is red.\nAlt text: A red dress.", "en")
    assert said == Description("en", "A dress", "It is red.", "A red dress.")
    assert read_answer("no idea", "en") == Description("en")


def test_without_a_model_the_setting_is_named(loop: Tagloop, ann: User) -> None:
    with pytest.raises(TaggingError, match="TAGLOOP_WRITER"):
        loop.captions.drafter.draft(ann, 1)


def test_a_model_that_is_not_there_is_told(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(EncoderError, match="TAGLOOP_WRITER"):
        CaptionModel(str(tmp_path / "nothing"))
    settings = Settings(data_dir=data_dir, encoder="tiny", writer=str(tmp_path / "nothing"))
    opened = Tagloop(settings)  # what nobody uses yet need not be there
    assert opened.captions.drafter.available
    opened.close()
