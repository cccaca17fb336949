"""What the review page's buttons do: each writes one decision, in a callback, so that no rerun cuts it in half."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from console import gallery, session
from console.review import components
from console.review import state as place
from tagging_core import Decision, Kind, TaggingError
from tagging_core.assets.repository import AssetText
from tagging_core.ledger.events import Label
from tagging_core.ledger.history import PastAct
from tagging_core.publishing.caption_templates import Description
from tagging_core.taxonomy import matching
from tagging_core.taxonomy.model import Tag

state = st.session_state
P = ParamSpec("P")


def told(act: Callable[P, None]) -> Callable[P, None]:
    """Show what goes wrong, in place of a traceback."""

    @wraps(act)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except TaggingError as error:
            session.say_error(error)

    return run


@told
def decide(kind: Kind, tag_id: str | None = None, other: str | None = None) -> None:
    state["review_replacing"] = None
    session.loop().review.decide(session.current_user(), _decision(kind, tag_id, other))


@told
def toggle(tag_id: str, label: Label | None, rival: str | None = None) -> None:
    """Accept a tag, or take back that it was accepted.

    Args:
        label: What was said of it.
        rival: The accepted tag of its exclusive category, whose place it takes.
    """
    if label and label.value:
        session.loop().review.undo(session.current_user(), label.event_id)
    elif rival:
        decide(Kind.REPLACE, rival, tag_id)
    else:
        decide(Kind.ACCEPT, tag_id)
    _move_on(tag_id)


@told
def reject(tag_id: str, label: Label | None) -> None:
    """Say that a tag does not apply, or take that back."""
    if label and not label.value:
        session.loop().review.undo(session.current_user(), label.event_id)
    else:
        decide(Kind.REJECT, tag_id)
    _move_on(tag_id)


@told
def finish(kind: Kind, asset_id: int, note: str = "") -> None:
    """Be done with a picture, unless a key that was pressed twice has already led on to the next."""
    if asset_id == state["review_asset"]:
        session.loop().review.decide(session.current_user(), _decision(kind, note=note))
        place.go_on()


def flag(asset_id: int) -> None:
    """Set a picture aside with the note that was typed, and close the dialog."""
    finish(Kind.FLAG, asset_id, state["review_note"])
    st.rerun("review_work")


@told
def take_back(event_id: int) -> None:
    session.loop().review.undo(session.current_user(), event_id)


@told
def take_back_last() -> None:
    """Take the latest act back and show the picture that it was about."""
    past = session.loop().review.undo_last(session.current_user())
    if past is None:
        raise TaggingError("There is nothing to undo.")
    state["review_page"] = state["review_groups"] = None
    if past.act is None and past.latest.asset_id is not None and state["review_mode"] == "focus":
        session.loop().review.assigner.take(session.current_user(), past.latest.asset_id)
        if past.latest.look:
            state["review_looks"][past.latest.asset_id] = past.latest.look
        if past.latest.asset_id != state["review_asset"]:
            place.show(past.latest.asset_id)


@told
def toggle_act(past: PastAct) -> None:
    session.loop().review.toggle_act(session.current_user(), past)
    state["review_page"] = state["review_groups"] = None


@told
def take_over() -> None:
    session.loop().review.assigner.take(session.current_user(), state["review_asset"], force=True)


@told
def pick() -> None:
    """Give a picture the tag that was chosen or typed, or ask what a new one is to be."""
    chosen = components.picked()
    if chosen["id"] == "+":
        state["review_typed"] = chosen["text"]
        open_dialog("propose")
    elif found := chosen["id"] or _best(chosen["text"]):
        give(found)
    else:
        session.say_error(TaggingError(f"No tag is called “{chosen['text']}”. It can be proposed as a new one."))
    st.rerun("review_work")


@told
def give(tag_id: str) -> None:
    """Add a tag, or put it in the place of the one that is being replaced."""
    if state["review_mode"] == "groups":
        give_to_group(tag_id)
        return
    replacing = state["review_replacing"]
    if replacing and replacing != tag_id:
        decide(Kind.REPLACE, replacing, tag_id)
        _move_on(replacing)
    else:
        decide(Kind.ADD, tag_id)


def give_to_group(tag_id: str) -> None:
    """Give all selected pictures of a group a tag, as one act; it takes the place of one that rules it out."""
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
    page["acts"][tag_id] = session.loop().bulk.give(session.current_user(), decisions).id


@told
def propose() -> None:
    """Propose a tag under the typed name, give it to the picture or to the group, and close the dialog."""
    tag = Tag("", state["review_proposed_category"], {"en": state["review_proposed_name"]})
    give(session.loop().curation.propose(session.current_user(), tag).id)
    st.rerun("review_work")


def ask_instead(tag_id: str) -> None:
    """Ask which tag should come in the place of one."""
    state["review_replacing"] = None if state["review_replacing"] == tag_id else tag_id
    state["review_focus_pick"] += 1


def ask_why(tag_id: str) -> None:
    state["review_why"] = None if state["review_why"] == tag_id else tag_id


def set_current(tag_id: str) -> None:
    state["review_current"] = tag_id


def open_dialog(name: str) -> None:
    state["review_dialog"] = name


@told
def save_text(asset_id: int) -> None:
    text = AssetText(*(state[f"review_{part}_{asset_id}"] for part in ("title", "caption", "body")))
    session.loop().review.set_text(session.current_user(), asset_id, text)


def save_description(asset_id: int, language: str) -> None:
    words = (state[f"review_description_{part}_{asset_id}"] for part in ("title", "caption", "alt"))
    try:
        session.loop().captions.write(session.current_user(), asset_id, Description(language, *words))
    except TaggingError as error:
        session.say_error(error)


def draft_description(asset_id: int, language: str) -> None:
    """Put the model's draft into the form, unsaved."""
    try:
        draft = session.loop().captions.drafter.draft(session.current_user(), asset_id, language)
    except TaggingError as error:
        session.say_error(error)
        return
    for part in ("title", "caption", "alt"):
        state[f"review_description_{part}_{asset_id}"] = getattr(draft, part)


def seconds() -> float:
    """How long the editor has looked."""
    return round(time.time() - state["review_since"], 1)


def _decision(kind: Kind, tag_id: str | None = None, other: str | None = None, note: str = "") -> Decision:
    profile = state["review_profile"]
    return Decision(
        kind, state["review_asset"], tag_id, other, profile, seconds(), note, place.look(), place.shown()
    )


def _best(text: str) -> str | None:
    found = matching.find_tags(session.loop().taxonomy(), text, limit=1)
    return found[0].id if found else None


def _move_on(tag_id: str) -> None:
    """Put the cursor on the next chip that nothing was said about, if it stood on this one."""
    state["review_current"] = None if state["review_current"] == tag_id else state["review_current"]
