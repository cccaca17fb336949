"""State of the review page: filters, mode and the current picture, in the session and partly in the URL.

| session key | value | URL parameter |
| --- | --- | --- |
| review_mode | focus, grid or groups | mode |
| review_batch | batch id, 0 for all | batch |
| review_show | review state | show |
| review_order | order of the queue | order |
| review_profile | profile id | profile |
| review_subject | the tag or category that the grid asks about | ask |
| review_asset | the picture in focus | at |
| review_looks | kind of look by picture, for looks that hide earlier decisions | |
| review_seen | pictures left undecided, latest last | |
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import streamlit as st

from console import session
from tagging_core import TaggingError
from tagging_core.ledger import Look
from tagging_core.review import Card, Order, Shown, View

state = st.session_state

MODES = {
    "focus": ":material/image: Focus",
    "grid": ":material/grid_view: Grid",
    "groups": ":material/stacks: Groups",
}
SHOW = {
    "new": "Waiting",
    "second": "Second opinion",
    "skipped": "Skipped",
    "flagged": "Flagged",
    "done": "Done",
}
ORDERS = {
    Order.TEACHING: "Most informative first",
    Order.DOUBT: "Least certain first",
    Order.BATCH: "As uploaded",
    Order.NEWEST: "Newest first",
}
_URL_PARAMETERS = {
    "mode": ("review_mode", "focus"),
    "show": ("review_show", "new"),
    "order": ("review_order", Order.TEACHING),
    "ask": ("review_subject", ""),
}
_FILTERS = ("review_batch", "review_show", "review_order", "review_profile", "review_subject")
_MAX_SEEN = 200  # pictures that are shown again only after all others
_INITIAL: dict[str, Any] = {
    "review_asset": None,
    "review_seen": [],
    "review_looks": {},
    "review_since": 0.0,
    "review_chips": {},
    "review_current": None,
    "review_replacing": None,
    "review_why": None,
    "review_dialog": None,
    "review_typed": "",
    "review_page": None,
    "review_groups": None,
    "review_focus_pick": 0,
}


def view() -> View:
    """Return the current filters and order."""
    return View(
        state["review_profile"], state["review_batch"] or None, state["review_show"], Order(state["review_order"])
    )


def start(known: dict[int, tuple[str, str]]) -> None:
    """Initialize the state; URL parameters take precedence.

    Args:
        known: Name and profile of batches by id.
    """
    for key, value in _INITIAL.items():
        state.setdefault(key, value.copy() if isinstance(value, (list, dict)) else value)
    for key, value in _URL_PARAMETERS.values():
        state.setdefault(key, value)
    if state.get("review_user") != (name := session.current_user().name):
        # Another user of this browser starts without the previous one's pictures.
        state.update(review_user=name, review_asset=None, review_seen=[], review_looks={}, review_page=None)
    if state.get("review_address") != dict(st.query_params):
        _read_url(known)
    state.setdefault("review_batch", 0)
    if state.get("review_profile") not in session.loop().taxonomy().profiles:
        state["review_profile"] = next((profile for _, profile in known.values()), "general")
    write_url()


def write_url() -> None:
    """Write the state to the URL, so that it can be shared and survives a reload."""
    found = {name: str(state[key]) for name, (key, default) in _URL_PARAMETERS.items() if state[key] != default}
    if state["review_mode"] != "grid":
        found.pop("ask", None)
    if state["review_batch"]:
        found["batch"] = str(state["review_batch"])
    found["profile"] = state["review_profile"]
    if state["review_asset"] and state["review_mode"] == "focus":
        found["at"] = str(state["review_asset"])
    state["review_address"] = found
    if found != dict(st.query_params):
        st.query_params.from_dict(found)


def restart() -> None:
    """Start again at the front of the filtered queue."""
    release()
    state.update(review_asset=None, review_seen=[], review_looks={}, review_page=None, review_groups=None)
    write_url()


def change_batch() -> None:
    """Switch to another batch and the profile that it was uploaded with."""
    if batch := state["review_batch"]:
        state["review_profile"] = session.loop().ingest.batch(batch).profile
    restart()


def change_mode() -> None:
    """Switch the mode; filters and the picture in focus stay."""
    release()
    state.update(review_page=None, review_groups=None)
    restart_timer()
    write_url()


def next_mode() -> None:
    modes = list(MODES)
    state["review_mode"] = modes[(modes.index(state["review_mode"]) + 1) % len(modes)]
    change_mode()


def restart_timer() -> None:
    """Restart the timing of decisions."""
    state["review_since"] = time.time()


def release() -> None:
    """Release the leases of the current grid page or group."""
    page = state["review_page"] or {}
    session.loop().review.assigner.release(session.current_user(), page.get("ids", []))


def show_next() -> None:
    """Show the next picture; one left undecided returns later."""
    asset_id: int | None = state["review_asset"]
    seen: list[int] = state["review_seen"]
    if asset_id is not None:
        state["review_looks"].pop(asset_id, None)
        seen[:] = [a for a in seen if a != asset_id] + [asset_id]
    turn = session.loop().review.assigner.next(session.current_user(), view(), seen[-_MAX_SEEN:])
    if turn is not None and turn.look is not None:
        state["review_looks"][turn.asset_id] = turn.look
    show(turn.asset_id if turn else None)


def show_previous() -> None:
    """Show the previous picture."""
    if seen := state["review_seen"]:
        session.loop().review.assigner.release(session.current_user(), [state["review_asset"] or 0])
        show(seen.pop())


def show(asset_id: int | None) -> None:
    """Put a picture into focus."""
    state.update(
        review_asset=asset_id,
        review_since=time.time(),
        review_chips={},
        review_current=None,
        review_replacing=None,
        review_why=None,
    )
    write_url()


def look() -> Look | None:
    """Return the kind of look at the picture in focus."""
    return state["review_looks"].get(state["review_asset"])


def remember_card(card: Card) -> None:
    """Keep a card's shown suggestions, which decisions return, and its look; a URL may have set another look."""
    state["review_shown"] = card.shown
    looks: dict[int, Look] = state["review_looks"]
    looks.pop(card.asset.id, None)
    if card.look:
        looks[card.asset.id] = card.look


def shown() -> Shown | None:
    """Return what the card of the picture in focus shows; None if it was not drawn yet."""
    found: Shown | None = state.get("review_shown")
    return found if found is not None and found.asset_id == state["review_asset"] else None


def batch_names(known: dict[int, tuple[str, str]]) -> dict[int, str]:
    return {0: "All pictures"} | {batch_id: name for batch_id, (name, _) in known.items()}


def recent_batches() -> dict[int, tuple[str, str]]:
    return session.loop().ingest.batch_names()


def _read_url(known: dict[int, tuple[str, str]]) -> None:
    asked = dict(st.query_params)
    before = [state.get(key) for key in _FILTERS]
    allowed: dict[str, Collection[str]] = {"mode": MODES, "show": SHOW, "order": ORDERS}
    for name, (key, _) in _URL_PARAMETERS.items():
        if name in asked and asked[name] in allowed.get(name, {asked[name]}):
            state[key] = asked[name]
    if asked.get("batch", "").isdecimal():
        try:
            batch = session.loop().ingest.batch(int(asked["batch"]))
        except TaggingError as error:
            session.defer_error(error)
        else:
            state["review_batch"], state["review_profile"] = batch.id, batch.profile
    if asked.get("profile") in session.loop().taxonomy().profiles:
        state["review_profile"] = asked["profile"]
    if [state.get(key) for key in _FILTERS] != before:
        state.update(review_asset=None, review_seen=[], review_page=None, review_groups=None)
    if asked.get("at", "").isdecimal() and int(asked["at"]) != state["review_asset"]:
        show_if_found(int(asked["at"]))


def show_if_found(asset_id: int) -> None:
    """Put a picture into focus; if it does not exist, show an error and keep the current one."""
    try:
        session.loop().review.assigner.take(session.current_user(), asset_id)
    except TaggingError as error:
        session.defer_error(error)
    else:
        show(asset_id)
