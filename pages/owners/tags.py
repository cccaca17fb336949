from __future__ import annotations

import streamlit as st

from pages.common import session
from pages.owners.curating import consequences, listing, tag_page
from tagging_core.people import Action

session.guard(Action.REVIEW)
if tag_id := st.query_params.get("tag"):
    consequences.draw_last()
    tag_page.draw(tag_id)
else:
    st.title("Tags")
    consequences.draw_last()
    listing.draw()
