"""Finding any tag by typing: all names and aliases in all languages, typos allowed; a new one can be proposed."""

from __future__ import annotations

import streamlit as st

from pages.common import session
from pages.editors.reviewing import acts
from tagging_core import tags
from tagging_core.taxonomy import Tag, Taxonomy

state = st.session_state


def draw_picker() -> None:
    """Draw the field, and what is meant if nothing is called as typed."""
    taxonomy = session.loop().taxonomy()
    known = _options(taxonomy.revision, session.language(), taxonomy)
    replacing = state["review_replacing"]
    st.selectbox(
        f"In place of {session.tag_label(taxonomy.tags[replacing])}" if replacing else "Add a tag",
        list(known),
        index=None,
        key="review_pick",
        on_change=acts.pick_tag,
        args=(known,),
        placeholder="Type any tag ( / )",
        accept_new_options=True,
        label_visibility="visible" if replacing else "collapsed",
    )
    if state["review_unknown"]:
        _draw_unknown(state["review_unknown"], taxonomy)


def _draw_unknown(typed: str, taxonomy: Taxonomy) -> None:
    close = tags.find(taxonomy, typed, limit=4)
    st.caption(f"No tag is called “{typed}”." + (" Did you mean" if close else ""))
    with st.container(horizontal=True, gap="xsmall"):
        for n, tag in enumerate(close, start=1):
            st.button(
                session.tag_label(tag),
                key=f"meant_{tag.id}",
                on_click=acts.give,
                args=(tag.id,),
                shortcut="Y" if n == 1 else None,
                type="primary" if n == 1 else "secondary",
            )
        st.button(
            "Propose it",
            on_click=acts.open_dialog,
            args=("propose",),
            icon=":material/new_label:",
            shortcut="P",
            help="As a new tag; an owner decides whether it is suggested",
        )
        st.button("Forget it", on_click=acts.forget_unknown, type="tertiary", shortcut="Esc")


@st.cache_data(max_entries=4, show_spinner=False)
def _options(revision: int, language: str, _taxonomy: Taxonomy) -> dict[str, str]:
    """Tag id by what the list shows of a tag: its name in the language, then every other name."""
    del revision, language  # they are what the result is kept under
    found: dict[str, str] = {}
    for tag in _taxonomy.givable():
        text = _text(tag)
        if text in found:
            text += f" · {_taxonomy.categories[tag.category_id].name()}"
        found[text] = tag.id
    return found


def _text(tag: Tag) -> str:
    words = list(dict.fromkeys([session.tag_label(tag), *tag.words()]))
    return " · ".join(words) + (" (proposed)" if tag.state == "proposed" else "")
