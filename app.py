"""Entry point: `streamlit run app.py` serves the console, its images and the REST API.

The frame script is not in this folder: next to a folder called `pages`, Streamlit answers the first URL opened
after a start with "Page not found".
"""

from __future__ import annotations

import streamlit as st

from console import image_routes, script_routes, session
from tagging_core import load_settings
from tagging_core.api import network, server

app = st.App(
    "console/frame.py",
    routes=[*image_routes.ROUTES, *script_routes.ROUTES, *server.routes(session.loop)],
    middleware=network.middleware(load_settings()),
)
