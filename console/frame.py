"""The console's frame: identifies the user and offers the pages of their roles; runs before every page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from console import account, page_paths
from console.favicon import favicon
from console.session import draw_error, identify, keep_dialog, language, loop, plain
from tagging_core import TaggingError
from tagging_core.common import Action

SECTIONS = {
    "Work": [
        (page_paths.UPLOAD, "Upload", ":material/upload:", Action.UPLOAD),
        (page_paths.REVIEW, "Review", ":material/check_circle:", Action.REVIEW),
        (page_paths.SEARCH, "Search", ":material/search:", Action.REVIEW),
    ],
    "Library": [
        (page_paths.TAGS, "Tags", ":material/sell:", Action.REVIEW),
        (page_paths.PROPOSALS, "Proposals", ":material/lightbulb:", Action.REVIEW),
        (page_paths.COMPLIANCE, "Compliance", ":material/policy:", Action.REVIEW),
        (page_paths.INSTRUCTIONS, "Instructions", ":material/record_voice_over:", Action.CURATE),
        (page_paths.HISTORY, "History", ":material/history:", Action.CURATE),
    ],
    "Insights": [
        (page_paths.OVERVIEW, "Overview", ":material/dashboard:", Action.REPORT),
        (page_paths.TRENDS, "Trends", ":material/trending_up:", Action.REPORT),
        (page_paths.ACCURACY, "Accuracy", ":material/target:", Action.REPORT),
        (page_paths.PEOPLE, "People", ":material/group:", Action.REPORT),
        (page_paths.SAVINGS, "Savings", ":material/savings:", Action.REPORT),
        (page_paths.DRIFT, "Drift", ":material/waves:", Action.REPORT),
        (page_paths.PICTURES, "Pictures", ":material/photo_library:", Action.REPORT),
    ],
    "System": [
        (page_paths.MODELS, "Models", ":material/neurology:", Action.OPERATE),
        (page_paths.JOBS, "Jobs", ":material/pending_actions:", Action.OPERATE),
        (page_paths.INTEGRATIONS, "Integrations", ":material/webhook:", Action.OPERATE),
    ],
}

st.set_page_config(page_title="Tagloop", page_icon=favicon(), layout="wide")
# Pages are registered before the user is asked for a name, so that a deep link still opens its page afterwards.
st.navigation(
    [st.Page(path, title=title) for entries in SECTIONS.values() for path, title, *_ in entries], position="hidden"
)
try:
    loop()
    user = identify()
except TaggingError as error:
    draw_error(error)
    account.draw_sign_out()
    st.stop()
st.session_state["user"] = user
keep_dialog()

allowed = {
    section: [st.Page(path, title=title, icon=icon) for path, title, icon, action in entries if user.may(action)]
    for section, entries in SECTIONS.items()
}
allowed = {section: entries for section, entries in allowed.items() if entries}
if not allowed:
    st.error(f"{plain(user.name)} has no role in Tagloop yet. Ask an administrator to add you to the roles file.")
    account.draw_sign_out()
    st.stop()
page = st.navigation(allowed, expanded=True)
st.html(Path(__file__).with_name("frame.css"))

with st.sidebar:
    st.segmented_control(
        "Tag names",
        ["en", "zh"],
        default=language(),
        format_func={"en": "English", "zh": "中文"}.__getitem__,
        key="language",
        required=True,
        persist_state="session",
    )
    account.draw(user)
    worker = loop().worker
    if worker is not None and worker.trouble:
        st.warning(plain(worker.trouble), icon=":material/warning:")
    if worker is not None and worker.chroma.startswith("rebuilt"):
        st.info("The search index was damaged and is being rebuilt from the database. Nothing was lost.")
page.run()
