"""What buttons of the search page do; callbacks, so that a click is done before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import session
from tagging_core import TaggingError

state = st.session_state
_MOST = 20


def teach(name: str, asset_ids: Sequence[int]) -> None:
    """Ask for pictures like these, or unlike these; what was said of them before is forgotten."""
    for other in ("like", "unlike"):
        state[f"search_{other}"] = [i for i in state[f"search_{other}"] if i not in asset_ids]
    state[f"search_{name}"] = [*state[f"search_{name}"], *asset_ids][-_MOST:]


def forget(name: str) -> None:
    """Take all examples of one kind back."""
    state[f"search_{name}"] = []


def show_more(by: int) -> None:
    """Show so many more."""
    state["search_limit"] += by


def collect(asset_ids: Sequence[int]) -> None:
    """Put pictures into a batch of their own."""
    try:
        batch_id = session.loop().ingest.collect(
            session.current_user(), asset_ids, state["search_batch_profile"], state["search_batch"]
        )
    except TaggingError as error:
        session.say_error(error)
    else:
        state["search_made"] = (str(batch_id), len(asset_ids))
