"""What the review page's buttons do: each writes one decision, in a callback, so that no rerun cuts it in half.

The page's state: which queue (`review_batch`, 0 for all; `review_state`; `review_profile`), which picture
(`review_asset`), which were looked at before it (`review_seen`), since when (`review_since`), and the suggestion
that is being replaced (`review_replacing`) or explained (`review_why`).
"""

from __future__ import annotations

import time

import streamlit as st

from pages.common import session
from tagging_core import Decision, Kind, TaggingError, reviewing
from tagging_core.assets import Accompanying

state = st.session_state


def decide(kind: Kind, tag_id: str | None = None, other: str | None = None) -> None:
    seconds = round(time.time() - state["review_since"], 1)
    decision = Decision(kind, state["review_asset"], tag_id, other, state["review_profile"], seconds)
    try:
        session.loop().decide(session.current_user(), decision)
    except TaggingError as error:
        session.say_error(error)
    state["review_replacing"] = state["review_why"] = None


def finish(kind: Kind) -> None:
    decide(kind)
    step(forward=True)


def step(forward: bool) -> None:
    seen: list[int] = state["review_seen"]
    if forward:
        seen.append(state["review_asset"])
        state["review_asset"] = next_asset(state["review_asset"])
    elif seen:
        state["review_asset"] = seen.pop()
    state["review_replacing"] = state["review_why"] = None
    state["review_since"] = time.time()


def take_back(event_id: int) -> None:
    try:
        session.loop().undo(session.current_user(), event_id)
    except TaggingError as error:
        session.say_error(error)


def take_back_last() -> None:
    last = session.loop().last_act(session.current_user())
    if last is None:
        session.say_error(TaggingError("There is nothing to undo."))
        return
    take_back(last.id)
    if last.asset_id is not None:
        state["review_asset"] = last.asset_id
    state["review_since"] = time.time()


def pick_tag() -> None:
    chosen, state["review_pick"] = state["review_pick"], None
    if chosen and (replacing := state["review_replacing"]):
        decide(Kind.REPLACE, replacing, chosen)
    elif chosen:
        decide(Kind.ADD, chosen)


def replace(tag_id: str) -> None:
    state["review_replacing"] = None if state["review_replacing"] == tag_id else tag_id


def ask_why(tag_id: str) -> None:
    state["review_why"] = None if state["review_why"] == tag_id else tag_id


def save_text(asset_id: int) -> None:
    text = Accompanying(*(state[f"review_{part}_{asset_id}"] for part in ("title", "caption", "body")))
    try:
        session.loop().set_text(session.current_user(), asset_id, text)
    except TaggingError as error:
        session.say_error(error)


def restart() -> None:
    batch = state["review_batch"]
    st.query_params.update({"batch": str(batch)}) if batch else st.query_params.clear()
    state["review_asset"], state["review_seen"] = None, []
    if batch:
        state["review_profile"] = session.loop().batch(batch).profile


def next_asset(after: int) -> int | None:
    """The next picture: of those that wait, the one that teaches most; of others, the next in order."""
    batch_id = state["review_batch"] or None
    if state["review_state"] == "new":
        return session.loop().next_picture(state["review_profile"], batch_id)
    with session.loop().database.read() as connection:
        for start in (after, 0):
            found = reviewing.queue(connection, batch_id, state["review_state"], start, limit=2)
            found = [asset_id for asset_id in found if asset_id != after]
            if found:
                return found[0]
    return None
