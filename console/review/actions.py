"""Callbacks of the review page's buttons: each records one decision, so that a rerun cannot interrupt it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from console import gallery, session
from console.review import components
from console.review import state as review_state
from tagging_core import Decision, Kind, TaggingError
from tagging_core.assets import AssetText
from tagging_core.ledger import Label, UserAction
from tagging_core.publishing.caption_templates import Description
from tagging_core.taxonomy import Tag, matching

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
def decide(kind: Kind, tag_id: str | None = None, other: str | None = None) -> None:
    state["review_replacing"] = None
    session.loop().review.decide(session.current_user(), _decision(kind, tag_id, other))


@show_errors
def toggle(tag_id: str, label: Label | None, rival: str | None = None) -> None:
    """Accept a tag, or undo its acceptance.

    Args:
        label: The current decision about the tag.
        rival: The accepted tag of the same exclusive category, which it replaces.
    """
    if label and label.value:
        session.loop().review.undo(session.current_user(), label.event_id)
    elif rival:
        decide(Kind.REPLACE, rival, tag_id)
    else:
        decide(Kind.ACCEPT, tag_id)
    _clear_current(tag_id)


@show_errors
def reject(tag_id: str, label: Label | None) -> None:
    """Reject a tag, or undo its rejection."""
    if label and not label.value:
        session.loop().review.undo(session.current_user(), label.event_id)
    else:
        decide(Kind.REJECT, tag_id)
    _clear_current(tag_id)


@show_errors
def finish(kind: Kind, asset_id: int, note: str = "") -> None:
    """Close a picture's review; the second press of a key, when the next picture is in focus, does nothing."""
    if asset_id == state["review_asset"]:
        session.loop().review.decide(session.current_user(), _decision(kind, note=note))
        review_state.show_next()


def flag(asset_id: int) -> None:
    """Flag a picture with the note that was typed, and close the dialog."""
    finish(Kind.FLAG, asset_id, state["review_note"])
    st.rerun("review_work")


@show_errors
def undo(event_id: int) -> None:
    session.loop().review.undo(session.current_user(), event_id)


@show_errors
def undo_last() -> None:
    """Undo the latest decision and show its picture."""
    past = session.loop().review.undo_last(session.current_user())
    if past is None:
        raise TaggingError("There is nothing to undo.")
    state["review_page"] = state["review_groups"] = None
    if past.group_id is None and past.latest.asset_id is not None and state["review_mode"] == "focus":
        session.loop().review.assigner.take(session.current_user(), past.latest.asset_id)
        if past.latest.look:
            state["review_looks"][past.latest.asset_id] = past.latest.look
        if past.latest.asset_id != state["review_asset"]:
            review_state.show(past.latest.asset_id)


@show_errors
def undo_or_redo(past: UserAction) -> None:
    session.loop().review.toggle_act(session.current_user(), past)
    state["review_page"] = state["review_groups"] = None


@show_errors
def take_over() -> None:
    session.loop().review.assigner.take(session.current_user(), state["review_asset"], force=True)


@show_errors
def pick() -> None:
    """Add the tag that was chosen or typed, or open the dialog that proposes a new one."""
    chosen = components.picked()
    if chosen["id"] == "+":
        state["review_typed"] = chosen["text"]
        open_dialog("propose")
    elif found := chosen["id"] or _best_match(chosen["text"]):
        add_tag(found)
    else:
        session.defer_error(TaggingError(f"No tag is called “{chosen['text']}”. It can be proposed as a new one."))
    st.rerun("review_work")


@show_errors
def add_tag(tag_id: str) -> None:
    """Add a tag, or replace the one that `start_replacing` marked."""
    if state["review_mode"] == "groups":
        add_tag_to_group(tag_id)
        return
    replacing = state["review_replacing"]
    if replacing and replacing != tag_id:
        decide(Kind.REPLACE, replacing, tag_id)
        _clear_current(replacing)
    else:
        decide(Kind.ADD, tag_id)


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


@show_errors
def propose() -> None:
    """Propose a tag under the typed name, add it to the picture or group, and close the dialog."""
    tag = Tag("", state["review_proposed_category"], {"en": state["review_proposed_name"]})
    add_tag(session.loop().curation.propose(session.current_user(), tag).id)
    st.rerun("review_work")


def start_replacing(tag_id: str) -> None:
    """Mark a tag to be replaced by the next one picked; the second press cancels."""
    state["review_replacing"] = None if state["review_replacing"] == tag_id else tag_id
    state["review_focus_pick"] += 1


def explain(tag_id: str) -> None:
    state["review_why"] = None if state["review_why"] == tag_id else tag_id


def set_current(tag_id: str) -> None:
    state["review_current"] = tag_id


def open_dialog(name: str) -> None:
    state["review_dialog"] = name


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


def _decision(kind: Kind, tag_id: str | None = None, other: str | None = None, *, note: str = "") -> Decision:
    profile = state["review_profile"]
    return Decision(
        kind,
        state["review_asset"],
        tag_id,
        other,
        profile,
        seconds(),
        note,
        review_state.look(),
        review_state.shown(),
    )


def _best_match(text: str) -> str | None:
    found = matching.find_tags(session.loop().taxonomy(), text, limit=1)
    return found[0].id if found else None


def _clear_current(tag_id: str) -> None:
    """Move the cursor off a tag; it then marks the first undecided chip."""
    state["review_current"] = None if state["review_current"] == tag_id else state["review_current"]
