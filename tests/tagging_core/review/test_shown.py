"""A decision is stored with exactly what its user was shown, whatever others view or decide in between."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tagging_core import Decision, Kind, TaggingError, Tagloop, User, ledger
from tagging_core.api import Operations
from tagging_core.common.users import local_user
from tagging_core.errors import DecisionError
from tagging_core.learning.suggestions import Suggestion
from tagging_core.publishing.schemas import NewDecision
from tagging_core.review.shown import Shown, ShownTokens
from tagging_core.storage.schema import assets as assets_table
from tagging_core.storage.schema import events, suggestions
from tests.conftest import BLUE, GREEN, RED, examples, ingest

PROFILE = "e-commerce"
EDITORS = ("Ann", "Bo", "Cy")
TAGS = ("garment.dress", "garment.hat", "colour.red", "colour.blue")
Steps = st.lists(st.tuples(st.sampled_from(EDITORS), st.integers(0, 2), st.sampled_from("lrdc")), max_size=14)


def rows(loop: Tagloop) -> dict[str, list[tuple[object, ...]]]:
    """Stored pictures, events and suggestions; the worker may still be writing other tables."""
    with loop.database.read() as connection:
        return {
            t.name: [tuple(r) for r in connection.execute(select(t))] for t in (suggestions, events, assets_table)
        }


def expected(decision: Decision) -> dict[str, object]:
    """What the ledger must store for an accepted suggestion, computed from the card alone."""
    assert decision.shown is not None
    own = next((s for s in decision.shown if s.tag_id == decision.tag_id), None)
    if own is None:
        return {}
    return {"probability": round(own.probability, 4), "rank": own.rank, "revision": own.revision}


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Steps, chosen=st.lists(st.sampled_from(TAGS), min_size=14, max_size=14))
def test_the_ledger_stores_what_the_card_showed(
    loop: Tagloop, steps: list[tuple[str, int, str]], chosen: list[str]
) -> None:
    """Editors open cards (l) and decide from them (d), programs read (r), and the library is fitted (c)."""
    assets = ingest(loop, local_user("Ann"), RED, BLUE, GREEN)
    cards: dict[tuple[str, int], Shown] = {}
    for (name, place, step), tag in zip(steps, chosen, strict=False):
        user, asset = local_user(name), assets[place]
        if step == "l":
            cards[name, asset] = loop.review.card(user, asset, PROFILE).shown
        elif step == "r":
            Operations(loop, user).assets.suggestions(asset, PROFILE)
        elif step == "c":
            loop.model.library.settle()
        elif (name, asset) in cards:
            loop.review.assigner.take(user, asset, force=True)
            decision = Decision(Kind.ACCEPT, asset, tag, profile=PROFILE, shown=cards[name, asset])
            before = loop.assets.history(asset)
            event_id = loop.review.decide(user, decision)
            if event_id not in {event.id for event, _ in before}:
                with loop.database.read() as connection:
                    event = ledger.find_event(connection, event_id)
                assert event is not None
                kept = {k: v for k, v in (event.payload or {}).items() if k in ("probability", "rank", "revision")}
                assert kept == expected(decision)


def test_reading_suggestions_writes_nothing(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    before = rows(loop)
    loop.review.suggest(asset, PROFILE)
    loop.review.suggest(asset, "general")
    loop.review.card(ann, asset, PROFILE)
    Operations(loop, ann).assets.suggestions(asset, PROFILE)
    assert rows(loop) == before


def test_a_program_decides_with_the_token_it_received(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    calls = Operations(loop, ann)
    found = calls.assets.suggestions(asset, PROFILE)
    best = found.suggestions[0]
    decision = NewDecision(kind="accept", asset=asset, tag=best.tag, profile=PROFILE, shown=found.shown)
    (event_id,) = calls.decisions.create([decision]).decisions
    with loop.database.read() as connection:
        event = ledger.find_event(connection, event_id)
    assert event is not None
    assert (event.payload or {})["probability"] == best.probability


def test_a_decision_without_a_token_stores_nothing_as_shown(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    event_id = loop.review.decide(ann, Decision(Kind.ACCEPT, asset, TAGS[0], profile=PROFILE))
    with loop.database.read() as connection:
        event = ledger.find_event(connection, event_id)
    assert event is not None
    assert event.payload is None


def test_suggestions_shown_for_another_picture_are_refused(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    shown = loop.review.suggest(first, PROFILE)
    with pytest.raises(DecisionError, match=f"of picture {first}"):
        loop.review.decide(ann, Decision(Kind.ACCEPT, second, TAGS[0], profile=PROFILE, shown=shown))


SUGGESTIONS = st.builds(
    Suggestion,
    st.text(max_size=20),
    st.floats(0, 1),
    st.integers(1, 50),
    st.text(max_size=20),
    st.integers(0, 9999),
)


@given(
    shown=st.builds(Shown, st.integers(1), st.text(max_size=20), st.lists(SUGGESTIONS).map(tuple), st.booleans())
)
def test_tokens_round_trip(shown: Shown) -> None:
    tokens = ShownTokens("ab" * 32)
    assert tokens.read(tokens.write(shown)) == shown


@given(token=st.text(max_size=80))
def test_a_token_of_another_installation_is_refused(token: str) -> None:
    with pytest.raises(TaggingError, match="not a token of this installation"):
        ShownTokens("ab" * 32).read(token)
    foreign = ShownTokens("cd" * 32).write(Shown(1, PROFILE))
    with pytest.raises(DecisionError):
        ShownTokens("ab" * 32).read(foreign)
