"""Tags page: the tag library, or with `?tag=` one tag."""

from __future__ import annotations

import streamlit as st

from console import session
from console.tags import change_preview, tag_detail, tag_list
from tagging_core.common import Action

session.guard(Action.REVIEW)
if tag_id := st.query_params.get("tag"):
    change_preview.draw_last_change()
    tag_detail.draw(tag_id)
else:
    st.title("Tags")
    change_preview.draw_last_change()
    tag_list.draw()
