"""The check of a model's card: it passes for the card's own similarities and fails for any others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cards import CARDS, Card, check, missing, similarities
from tagging_core.embeddings.encoders.sentence import SentenceEncoder
from tests.models.conftest import pictures

SMALL = [card for card in CARDS if card.preset != "qwen3-vl-embedding-8b"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures with the file names that cards use."""
    names = ("cybertruck-window.jpg", "cybertruck-front.jpg", "beach.jpeg")
    for name, picture in zip(names, pictures((300, 200), (200, 300), (120, 120)), strict=True):
        picture.save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("card", SMALL, ids=lambda card: card.preset)
def test_the_check_fails_for_other_weights(
    load: Callable[..., SentenceEncoder], folder: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = load(card.preset)
    assert check(card, encoder, folder) == 1
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not report["same"]
    assert [row["example"] for row in report["examples"]] == [example.name for example in card.examples]


@pytest.mark.parametrize("card", SMALL, ids=lambda card: card.preset)
def test_the_check_passes_for_its_own_similarities(
    load: Callable[..., SentenceEncoder], folder: Path, card: Card
) -> None:
    encoder = load(card.preset)
    own = [replace(e, expected=tuple(similarities(encoder, e, folder).tolist())) for e in card.examples]
    assert check(replace(card, examples=tuple(own)), encoder, folder) == 0


def test_missing_files_are_listed_with_their_download_command(tmp_path: Path, folder: Path) -> None:
    assert not missing(CARDS[0], folder)
    (folder / "cybertruck-front.jpg").unlink()
    (command,) = missing(CARDS[0], folder)
    assert command.startswith(f"curl -L -o {folder / 'cybertruck-front.jpg'} 'https://")
