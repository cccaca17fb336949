"""Focus mode: one large picture with its suggestions, operated by keyboard."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import session
from console.review import actions, deck, deck_data, surface, tag_search
from console.review import state as review_state
from console.review.empty_state import draw_empty
from tagging_core.taxonomy import Taxonomy

state = st.session_state

_LEARNING = "Tags are still being learned: more suggestions appear by themselves."


def draw_focus() -> None:
    """Draw the surface, and why there is no picture if there is none."""
    taxonomy = session.loop().taxonomy()
    if not _only_query_changed():
        state["review_cards"] = _cards(taxonomy)
    cards = state["review_cards"]
    if not cards:
        draw_empty()
    surface.draw(_data(cards, taxonomy), on_said=deck.receive, on_open=_open, on_undo=actions.undo_last)
    review_state.write_url()
    session.loop().curation.tag_finder()  # built after the picture is shown, and before the first search


def _open() -> None:
    asked = surface.opened()
    if asked.get("dialog") == "help":
        actions.open_dialog("help")
    elif asked.get("dialog") in ("why", "details") and isinstance(asked.get("asset"), int):
        actions.open_dialog(asked["dialog"], asked["asset"], asked.get("tag"))


def _only_query_changed() -> bool:
    """Whether this run only has to answer the tag search field."""
    query, seen = surface.query(), state.get("review_query")
    state["review_query"] = query
    drawn = (
        state["review_acts"],
        state["review_asset"],
        state["review_focus"],
        state["review_profile"],
        session.language(),
        session.loop().model.library.matrix().revision,
    )
    same = state.get("review_drawn") == drawn
    state["review_drawn"] = drawn
    return same and query != seen and "review_cards" in state


def _cards(taxonomy: Taxonomy) -> list[dict[str, Any]]:
    return deck_data.cards_data(deck.refresh(), state["review_chips"], taxonomy)


def _data(cards: list[dict[str, Any]], taxonomy: Taxonomy) -> dict[str, Any]:
    progress = session.loop().review.progress(state["review_batch"] or None)
    profile = taxonomy.profile(state["review_profile"])
    partial = any(card["partial"] for card in cards) or not session.loop().model.library.is_complete()
    return {
        "user": session.current_user().name,
        "words": surface.WORDS,
        "focus": {"n": state["review_focus"], "asset": state["review_asset"]},
        "cleared": state["review_cleared"],
        "note": _LEARNING if partial and not all(card["partial"] for card in cards) else "",
        "deck": [turn.asset_id for turn in state["review_deck"]],
        "cards": cards,
        "tags": deck_data.tags_of(cards, taxonomy),
        "answers": deck.answers(),
        "found": tag_search.hits(surface.query()),
        "categories": [(c, taxonomy.categories[c].name(session.language())) for c in profile.categories],
        "progress": deck_data.progress_data(progress),
        "hidden": not cards,
        "partial": partial,
    }
