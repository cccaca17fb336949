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
| review_deck | assignments dealt ahead, in order | |
| review_held | ids of the pictures leased to this session | |
| review_looks | kind of look by picture, for looks that hide earlier decisions | |
| review_passed | pictures passed over, latest last | |
| review_answers | by act: empty if it was applied, or why it was refused | |
| review_acts | number of acts applied | |
| review_focus | changes when Python chooses the picture in focus | |
| review_cleared | changes when decisions were made outside of the surface | |
| review_chips | order of the chips by picture | |
| review_recent | tags used last, latest first | |
| review_group_acts | ids of the tags that finished groups were given, by the id of the finishing act | |
| review_confirmed | what the grid decided last, in words | |
| review_page, review_groups, review_since | what grid and groups show, and since when | |
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import streamlit as st

from console import session
from tagging_core import TaggingError
from tagging_core.review import Order, View

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
PAGE_STYLE = Path(__file__).with_name("page.css")
MAX_PASSED = 200  # pictures that are shown again only after all others
_INITIAL: dict[str, Any] = {
    "review_asset": None,
    "review_deck": [],
    "review_held": set(),
    "review_looks": {},
    "review_passed": [],
    "review_answers": {},
    "review_acts": 0,
    "review_focus": "",
    "review_cleared": "",
    "review_chips": {},
    "review_recent": [],
    "review_since": 0.0,
    "review_dialog": None,
    "review_typed": "",
    "review_page": None,
    "review_groups": None,
    "review_group_acts": {},
    "review_confirmed": "",
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
        state.setdefault(key, value.copy() if isinstance(value, (list, dict, set)) else value)
    for key, value in _URL_PARAMETERS.values():
        state.setdefault(key, value)
    if state.get("review_user") != (name := session.current_user().name):
        # Another user of this browser starts without the previous one's pictures.
        state.update({key: _INITIAL[key] for key in ("review_asset", "review_page", "review_groups")})
        state.update(review_user=name, review_deck=[], review_held=set(), review_looks={}, review_passed=[])
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
    """Return what was dealt, and start again at the front of the filtered queue."""
    release()
    state.update(review_passed=[], review_page=None, review_groups=None)
    focus(None)
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
    """Release the leases of the deck, and of the current grid page or group."""
    page = state["review_page"] or {}
    held = {*state["review_held"], *page.get("ids", [])}
    session.loop().review.assigner.release(session.current_user(), sorted(held))
    state.update(review_deck=[], review_held=set(), review_looks={})


def focus(asset_id: int | None) -> None:
    """Have the surface show a picture, or the first of the deck."""
    state["review_focus"] = secrets.token_hex(4)
    state["review_asset"] = asset_id


def forget_history() -> None:
    """Have the undo key ask the ledger for the latest decision, since others were made outside of the surface."""
    state["review_cleared"] = secrets.token_hex(4)


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
    if batch_id := _id_in(asked.get("batch", "")):
        try:
            batch = session.loop().ingest.batch(batch_id)
        except TaggingError as error:
            session.defer_error(error)
        else:
            state["review_batch"], state["review_profile"] = batch.id, batch.profile
    if asked.get("profile") in session.loop().taxonomy().profiles:
        state["review_profile"] = asked["profile"]
    if [state.get(key) for key in _FILTERS] != before:
        release()
        state.update(review_passed=[], review_page=None, review_groups=None)
        focus(None)
    if (at := _id_in(asked.get("at", ""))) and at != state["review_asset"]:
        show_if_found(at)


def _id_in(parameter: str) -> int:
    """The id that a URL names; the largest possible one, which no row has, for numbers that no database holds."""
    return min(int(parameter), 2**63 - 1) if re.fullmatch("[0-9]+", parameter) else 0


def show_if_found(asset_id: int) -> None:
    """Put a picture into focus; if it does not exist, show an error and keep the current one."""
    try:
        session.loop().review.assigner.take(session.current_user(), asset_id)
    except TaggingError as error:
        session.defer_error(error)
    else:
        focus(asset_id)
