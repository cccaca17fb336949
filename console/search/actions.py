"""Callbacks of the search page's buttons."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import session
from tagging_core import TaggingError

state = st.session_state
_MAX_EXAMPLES = 20


def add_examples(name: str, asset_ids: Sequence[int]) -> None:
    """Add positive (`like`) or negative (`unlike`) examples; a picture is never both."""
    for other in ("like", "unlike"):
        state[f"search_{other}"] = [i for i in state[f"search_{other}"] if i not in asset_ids]
    state[f"search_{name}"] = [*state[f"search_{name}"], *asset_ids][-_MAX_EXAMPLES:]


def clear_examples(name: str) -> None:
    """Remove all positive (`like`) or negative (`unlike`) examples."""
    state[f"search_{name}"] = []


def show_more(by: int) -> None:
    """Raise the number of results."""
    state["search_limit"] += by


def make_batch(asset_ids: Sequence[int]) -> None:
    """Create a review batch of existing pictures."""
    try:
        batch_id = session.loop().ingest.collect(
            session.current_user(), asset_ids, state["search_batch_profile"], name=state["search_batch"]
        )
    except TaggingError as error:
        session.defer_error(error)
    else:
        state["search_made"] = (str(batch_id), len(asset_ids))
