"""A card without suggestions says what is likeliest, or that the picture is still being computed."""

from __future__ import annotations

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.learning import suggestions
from tests.conftest import RED, ingest

PROFILE = "e-commerce"


def test_a_card_with_suggestions_has_no_guesses(loop: Tagloop, ann: User) -> None:
    (red,) = ingest(loop, ann, RED)
    card = loop.review.card(ann, red, PROFILE)
    assert card.suggestions
    assert card.guesses is None


def test_nothing_above_the_floor_brings_the_three_likeliest(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (red,) = ingest(loop, ann, RED)
    likeliest = [s.tag_id for s in loop.review.card(ann, red, PROFILE).suggestions]
    monkeypatch.setattr(suggestions, "MIN_PROBABILITY", 0.999)
    card = loop.review.card(ann, red, PROFILE)
    assert card.suggestions == []
    assert card.guesses is not None
    assert len(card.guesses) == 3
    assert card.guesses[0][0] == likeliest[0]
    assert card.guesses == sorted(card.guesses, key=lambda guess: -guess[1])


def test_a_decided_tag_is_no_guess(loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    (red,) = ingest(loop, ann, RED)
    monkeypatch.setattr(suggestions, "MIN_PROBABILITY", 0.999)
    guesses = loop.review.card(ann, red, PROFILE).guesses
    assert guesses
    loop.review.decide(ann, Decision(Kind.REJECT, red, guesses[0][0], profile=PROFILE))
    later = loop.review.card(ann, red, PROFILE).guesses
    assert later is not None
    assert guesses[0][0] not in {tag_id for tag_id, _ in later}


def test_a_picture_without_a_vector_has_none(loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    (red,) = ingest(loop, ann, RED)
    monkeypatch.setattr("tagging_core.embeddings.vectors.load", lambda *_, **__: {})
    card = loop.review.card(ann, red, PROFILE)
    assert (card.suggestions, card.guesses) == ([], None)
