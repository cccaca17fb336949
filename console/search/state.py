"""What is searched for; in the address, so that a search can be shared and kept."""

from __future__ import annotations

import streamlit as st

from console import session
from console.search import filters
from tagging_core import TaggingError
from tagging_core.search import Found

state = st.session_state
_TOLD = "search_told"
_MOST = 20


def start(limit: int) -> None:
    """Begin with what the address says, or go on with what was there."""
    state.setdefault("search_round", 0)
    state.setdefault("search_limit", limit)
    asked = dict(st.query_params)
    if "search_like" not in state or (asked and asked != state.get(_TOLD)):
        state["search_text"] = asked.get("q", "")[:500]
        for name in ("like", "unlike"):
            ids = [int(part) for part in asked.get(name, "").split(",") if part.isdecimal() and len(part) < 16]
            state[f"search_{name}"] = ids[:_MOST]
        filters.read(asked)
        state["search_limit"] = limit
    state["search_text"] = state.get("search_text", "")  # kept while other pages are open


def write_address() -> None:
    """Tell the address what is searched for."""
    told = {"q": state["search_text"]} | filters.written()
    told |= {name: ",".join(map(str, state[f"search_{name}"])) for name in ("like", "unlike")}
    told = {name: text for name, text in told.items() if text}
    if told != state.get(_TOLD):
        state[_TOLD] = told
        st.query_params.from_dict(told)


def asked() -> tuple:
    """All that a search depends on."""
    return (
        state["search_text"],
        tuple(state["search_like"]),
        tuple(state["search_unlike"]),
        picture(),
        tuple(filters.written().items()),
    )


def picture() -> str:
    """The name of the picture that was brought along to search by; empty if there is none."""
    file = state.get(f"search_picture_{state['search_round']}")
    return "" if file is None else file.file_id


def search() -> Found:
    """Search for what was asked.

    Raises:
        TaggingError: It cannot be looked for.
    """
    loop = session.loop()
    file = state.get(f"search_picture_{state['search_round']}")
    if file is not None and state.get("search_seen", ("",))[0] != file.file_id:  # embedded once, not at every click
        try:
            tagged = loop.tagger.tag(session.current_user(), file.getvalue(), "general", keep=False)
        except TaggingError as error:
            raise TaggingError(f"{file.name}: {error}") from error
        state["search_seen"] = (file.file_id, tagged.vector)
    return loop.search.find(
        state["search_text"],
        state["search_like"],
        state["search_unlike"],
        filters.chosen(),
        state["search_limit"],
        [state["search_seen"][1]] if file is not None else [],
    )
