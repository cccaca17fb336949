"""The three likeliest tags of each exclusive category that is still open, with their probabilities."""

from __future__ import annotations

import streamlit as st

from console import session
from console.review import actions
from tagging_core import Kind
from tagging_core.review import Card
from tagging_core.taxonomy import Taxonomy


def draw_choices(card: Card, taxonomy: Taxonomy) -> None:
    """Draw a row of buttons per category; each adds its tag."""
    suggested = {suggestion.tag_id for suggestion in card.suggestions}
    for category_id, choices in card.choices.items():
        if choices.tags:
            with st.container(
                horizontal=True, vertical_alignment="center", gap="xxsmall", key=f"choices_{category_id}"
            ):
                st.caption(taxonomy.categories[category_id].name(session.language()), width="content")
                for tag_id, p in choices.tags:
                    st.button(
                        f"{session.tag_label(taxonomy.tag(tag_id))} {_percent(p)}",
                        key=f"choice_{tag_id}",
                        on_click=actions.decide,
                        args=(Kind.ACCEPT if tag_id in suggested else Kind.ADD, tag_id),
                        type="tertiary",
                    )
                st.caption(_rest(choices.nothing, choices.covered), width="content")


def _rest(nothing: float, covered: float | None) -> str:
    text = f"none of them {_percent(nothing)}"
    if covered is not None:
        text += f"; in {100 * covered:.0f} of 100 pictures the right one is among the three likeliest"
    return text


def _percent(p: float) -> str:
    return f"{p:.0%}" if p >= 0.005 else "< 1%"
