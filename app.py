"""Entry point: `streamlit run app.py` serves the console, its images and the REST API.

The frame script is not in this folder: next to a folder called `pages`, Streamlit answers the first URL opened
after a start with "Page not found".
"""

from __future__ import annotations

import sys

import streamlit as st
from starlette.middleware import Middleware

from console import image_routes, script_routes, session, sign_in
from console.protection import ProtectionMiddleware
from tagging_core import TaggingError, load_settings
from tagging_core.api import network, server

try:
    settings = load_settings()
    sign_in.required()
except TaggingError as error:
    sys.exit(f"Tagloop does not start: {error}")
app = st.App(
    "console/frame.py",
    routes=[*image_routes.ROUTES, *script_routes.ROUTES, *server.routes(session.loop)],
    middleware=[*network.middleware(settings, https=sign_in.by_https()), Middleware(ProtectionMiddleware)],
    on_script_error=session.draw_uncaught,
)
