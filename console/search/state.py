"""State of the search page: text, example pictures and filters, also in the URL so that a search can be shared."""

from __future__ import annotations

import streamlit as st

from console import session
from console.search import filters
from tagging_core import TaggingError
from tagging_core.search import Found

state = st.session_state
_URL = "search_url"
_MAX_EXAMPLES = 20


def start(limit: int) -> None:
    """Initialize the state from the URL if that changed, else keep it."""
    state.setdefault("search_round", 0)
    state.setdefault("search_limit", limit)
    asked = dict(st.query_params)
    if "search_like" not in state or (asked and asked != state.get(_URL)):
        state["search_text"] = asked.get("q", "")[:500]
        for name in ("like", "unlike"):
            ids = [int(part) for part in asked.get(name, "").split(",") if part.isdecimal() and len(part) < 16]
            state[f"search_{name}"] = ids[:_MAX_EXAMPLES]
        filters.read(asked)
        state["search_limit"] = limit
    state["search_text"] = state.get("search_text", "")  # assigned, so that it survives a visit to another page


def write_url() -> None:
    """Write the search to the URL."""
    query = {"q": state["search_text"]} | filters.parameters()
    query |= {name: ",".join(map(str, state[f"search_{name}"])) for name in ("like", "unlike")}
    query = {name: text for name, text in query.items() if text}
    if query != state.get(_URL):
        state[_URL] = query
        st.query_params.from_dict(query)


def search_key() -> tuple:
    """Return everything that the result depends on."""
    return (
        state["search_text"],
        tuple(state["search_like"]),
        tuple(state["search_unlike"]),
        uploaded_picture(),
        tuple(filters.parameters().items()),
    )


def uploaded_picture() -> str:
    """Return the file id of the uploaded query picture; empty if there is none."""
    file = state.get(f"search_picture_{state['search_round']}")
    return "" if file is None else file.file_id


def search() -> Found:
    """Run the search.

    Raises:
        TaggingError: The query is invalid, or the uploaded picture cannot be read.
    """
    loop = session.loop()
    file = state.get(f"search_picture_{state['search_round']}")
    if file is not None and state.get("search_seen", ("",))[0] != file.file_id:  # embed it once per upload
        try:
            tagged = loop.tagger.tag(session.current_user(), file.getvalue(), "general", keep=False)
        except TaggingError as error:
            raise TaggingError(f"{file.name}: {error}") from error
        state["search_seen"] = (file.file_id, tagged.vector)
    return loop.search.find(
        state["search_text"],
        state["search_like"],
        state["search_unlike"],
        filters=filters.current(),
        limit=state["search_limit"],
        pictures=[state["search_seen"][1]] if file is not None else [],
    )
