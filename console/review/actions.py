"""Callbacks of the review page's buttons: each records one decision, so that a rerun cannot interrupt it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from console import gallery, session
from console.review import components, tag_search
from console.review import state as review_state
from tagging_core import Decision, Kind, TaggingError
from tagging_core.assets import AssetText
from tagging_core.errors import DecisionError
from tagging_core.ledger import UserAction
from tagging_core.publishing.caption_templates import Description
from tagging_core.taxonomy import Tag

state = st.session_state
P = ParamSpec("P")


def show_errors(callback: Callable[P, None]) -> Callable[P, None]:
    """Wrap a callback to show expected errors instead of a traceback."""

    @wraps(callback)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except TaggingError as error:
            session.defer_error(error)

    return run


@show_errors
def undo(event_id: int) -> None:
    session.loop().review.undo(session.current_user(), event_id)
    state["review_acts"] += 1


@show_errors
def undo_last() -> None:
    """Undo the latest decision, and show its picture if it is one of the focus mode."""
    past = session.loop().review.undo_last(session.current_user())
    if past is None:
        raise TaggingError("There is nothing to undo.")
    for act in state["review_group_acts"].pop(past.group_id, []):  # the tags that a finished group was given
        with contextlib.suppress(DecisionError):  # undone one by one before
            session.loop().review.undo_group(session.current_user(), act)
    look_again()
    if past.group_id is None and past.latest.asset_id is not None and state["review_mode"] == "focus":
        if past.latest.look:
            state["review_looks"][past.latest.asset_id] = past.latest.look
        review_state.focus(past.latest.asset_id)


@show_errors
def undo_or_redo(past: UserAction) -> None:
    session.loop().review.toggle_act(session.current_user(), past)
    look_again()


@show_errors
def pick() -> None:
    """Add the tags that were chosen or typed to the group, or open the dialog that proposes a new one."""
    chosen = components.picked()
    if chosen["isNew"]:
        state["review_typed"] = chosen["text"]
        open_dialog("propose")
    elif chosen["tags"]:
        for tag_id in chosen["tags"]:
            add_tag_to_group(tag_id)
    elif found := tag_search.best(chosen["text"]):
        add_tag_to_group(found.tag.id)
    else:
        session.defer_error(TaggingError(f"No tag is called “{chosen['text']}”. It can be proposed as a new one."))
    st.rerun("review_work")


def add_tag_to_group(tag_id: str) -> None:
    """Add a tag to a group's selected pictures as one decision group, and undo its exclusive rivals."""
    page, taxonomy = state["review_page"], session.loop().taxonomy()
    chosen = gallery.selection(page["name"], page["sure"])
    for rival in taxonomy.siblings(taxonomy.tag(tag_id)):
        if given := page["acts"].pop(rival.id, None):
            session.loop().review.undo_group(session.current_user(), given)
    p = page["tags"].setdefault(tag_id, 0.0)
    seen = {"probability": round(p, 4), "in": "group", "fingerprint": session.loop().model.library.fingerprint}
    kind, payload = (Kind.ACCEPT, seen) if p else (Kind.ADD, None)
    profile, each = state["review_profile"], round(seconds() / max(1, len(chosen)), 2)
    decisions = [Decision(kind, a, tag_id, profile=profile, seconds=each, payload=payload) for a in chosen]
    page["acts"][tag_id] = session.loop().bulk.decide(session.current_user(), decisions).id
    tag_search.remember(tag_id)


@show_errors
def propose() -> None:
    """Propose a tag under the typed name, add it to the group, and close the dialog."""
    tag = Tag("", state["review_proposed_category"], {"en": state["review_proposed_name"]})
    add_tag_to_group(session.loop().curation.propose(session.current_user(), tag).id)
    session.close_dialog()


def open_dialog(name: str, asset_id: int | None = None, tag_id: str | None = None) -> None:
    """Open a dialog, perhaps about a picture and one of its tags."""
    state["review_dialog"] = (name, asset_id, tag_id)


@show_errors
def save_text(asset_id: int) -> None:
    text = AssetText(*(state[f"review_{part}_{asset_id}"] for part in ("title", "caption", "body")))
    session.loop().review.set_text(session.current_user(), asset_id, text)


def save_description(asset_id: int, language: str) -> None:
    words = (state[f"review_description_{part}_{asset_id}"] for part in ("title", "caption", "alt"))
    try:
        session.loop().captions.write(session.current_user(), asset_id, Description(language, *words))
    except TaggingError as error:
        session.defer_error(error)


def draft_description(asset_id: int, language: str) -> None:
    """Put the model's draft into the form without saving it."""
    try:
        draft = session.loop().captions.drafter.draft(session.current_user(), asset_id, language)
    except TaggingError as error:
        session.defer_error(error)
        return
    for part in ("title", "caption", "alt"):
        state[f"review_description_{part}_{asset_id}"] = getattr(draft, part)


def seconds() -> float:
    """Return the seconds since the picture or page appeared."""
    return round(time.time() - state["review_since"], 1)


def look_again() -> None:
    """Read again what grid, groups and the surface show, after decisions that none of them made."""
    state.update(review_page=None, review_groups=None, review_confirmed="")
    state["review_acts"] += 1
    review_state.forget_history()
