"""The entry: `streamlit run app.py` serves the console and the pictures it shows.

The frame is a script of its own outside this folder: beside a folder called `pages`, Streamlit answers the first
address after a start with "Page not found".
"""

from __future__ import annotations

import streamlit as st

from pages.common import pictures

app = st.App("pages/common/frame.py", routes=pictures.ROUTES)
