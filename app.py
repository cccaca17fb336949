"""The entry: `streamlit run app.py` serves the console, the pictures it shows, and the REST service.

The frame is a script of its own outside this folder: beside a folder called `pages`, Streamlit answers the first
address after a start with "Page not found".
"""

from __future__ import annotations

import streamlit as st

from console import image_routes, session
from tagging_core.api import server

app = st.App("console/frame.py", routes=[*image_routes.ROUTES, *server.routes(session.loop)])
