"""Forms of a picture's details: the text that came with it, and what readers get to read about it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import session
from console.review import actions
from tagging_core.assets import Asset
from tagging_core.publishing.caption_templates import Description


def draw_text(asset: Asset) -> None:
    """Draw the form of the text that came with a picture; suggestions take it into account."""
    text, key = asset.text, asset.id
    with st.form(f"text_{key}", border=False):
        st.text_input("Title", text.title, key=f"review_title_{key}")
        st.text_area("Caption", text.caption, key=f"review_caption_{key}", height=80)
        st.text_area("Article", text.body, key=f"review_body_{key}", height=120)
        st.form_submit_button("Save text", on_click=actions.save_text, args=(key,))


def draw_description(asset: Asset) -> None:
    """Draw title, caption and alt text for readers; they are generated from the tags until somebody edits them."""
    language = session.language()
    found = session.loop().captions.of(asset, language)
    if session.loop().captions.drafter.available:
        _draw_draft(asset.id, language)
    _draw_form(asset.id, language, found.description, written=found.written)


def _draw_draft(asset_id: int, language: str) -> None:
    help_ = "A generative model writes a draft; it is only used once you save it"
    if st.button("Draft from the picture", icon=":material/edit_note:", help=help_):
        with st.spinner("The model is looking at the picture…", show_time=True):
            actions.draft_description(asset_id, language)  # fills the form, which is drawn below


def _draw_form(key: int, language: str, words: Description, *, written: Sequence[str]) -> None:
    with st.form(f"description_{key}_{language}_{hash(words)}", border=False):
        for name, label in (("title", "Title"), ("caption", "Caption"), ("alt", "Alt text")):
            st.text_area(
                label,
                getattr(words, name),
                key=f"review_description_{name}_{key}",
                height=68,
                placeholder="Generated from the tags, once some are accepted",
                help="Written by a person; clear it to generate it from the tags again"
                if name in written
                else "Generated from the tags",
            )
        st.form_submit_button("Save description", on_click=actions.save_description, args=(key, language))
