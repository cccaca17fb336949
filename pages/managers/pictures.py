"""Pictures page: the pictures behind a figure or a point of a chart, selected by the URL."""

from __future__ import annotations

from datetime import date

import streamlit as st

from console import asset_history, gallery, page_paths, session
from console.insights import labels
from console.insights.filters import BASES
from tagging_core import TaggingError
from tagging_core.analytics.drilldown import PAGE, DrilldownQuery
from tagging_core.common import Action, Period
from tagging_core.ledger.rollups.content import Basis
from tagging_core.review import View

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()
taxonomy = loop.taxonomy()
asked = dict(st.query_params)
MOST = 3
TITLES = {
    "upload": "New pictures",
    "done": "Finished pictures",
    "assisted": "Pictures finished with suggestions",
    "unchanged": "Pictures whose suggestions were accepted without change",
    "accept": "Accepted",
    "reject": "Rejected",
    "add": "Added by hand",
    "unseen": "Accepted unseen",
    "agree": "Second opinions that agreed",
    "differ": "Second opinions that differed",
    "shown.right": "Right predictions, as shown",
    "shown.wrong": "Wrong predictions, as shown",
    "shown.missed": "Missed tags, as shown",
    "blind.right": "Right predictions in the blind sample",
    "blind.wrong": "Wrong predictions in the blind sample",
    "blind.missed": "Missed tags in the blind sample",
    "shown": "Suggestions, as shown",
    "blind": "Suggestions in the blind sample",
    "mistaken": "Confused tags",
}


def read() -> DrilldownQuery:
    """Parse the URL parameters.

    Raises:
        TaggingError: A parameter is invalid or names something unknown.
    """
    what, on = asked.get("what", ""), asked.get("on", Basis.REVIEWED)
    if what and what not in TITLES:
        raise TaggingError(f"There are no pictures of the kind {what!r}; go back and follow the link again.")
    try:
        period = (
            Period(date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])) if "from" in asked else None
        )
        bins = read_bins(asked["bins"]) if "bins" in asked else None
        batch = int(asked["batch"]) if "batch" in asked else None
        basis = Basis(on)
    except (KeyError, ValueError) as error:
        raise TaggingError(f"This URL is invalid ({error}); go back and follow the link again.") from error
    tags = tuple(taxonomy.tag(tag_id).id for tag_id in asked.get("tag", "").split(",") if tag_id)
    given = taxonomy.tag(asked["given"]).id if "given" in asked else ""
    return DrilldownQuery(
        period=period,
        basis=basis,
        tag_ids=tags,
        profile=asked.get("profile", ""),
        batch_id=batch,
        what=what,
        given=given,
        actor=asked.get("by", ""),
        bins=bins,
    )


def read_bins(text: str) -> tuple[int, int]:
    low, high = text.split("-")
    return int(low), int(high)


def describe(wanted: DrilldownQuery) -> str:
    """Return the query as a title."""
    names = labels.tags(taxonomy, [*wanted.tag_ids, *([wanted.given] if wanted.given else [])])
    parts = [TITLES.get(wanted.what, "Finished pictures")]
    if wanted.what == "mistaken" and len(wanted.tag_ids) == 1 and wanted.given:
        parts = [f"{names[wanted.given]} where {names[wanted.tag_ids[0]]} was suggested"]
    elif wanted.tag_ids:
        first = [names[t] for t in wanted.tag_ids[:MOST]]
        others = len(wanted.tag_ids) - len(first)
        named = (" or " if wanted.what else " and ").join([*first, *([f"{others:,} other tags"] if others else [])])
        parts.append(named if wanted.what else f"with {named}")
    if wanted.bins:
        parts.append(f"of {wanted.bins[0]} to {wanted.bins[1]} % confidence")
    if wanted.profile:
        parts.append(f"in {labels.profile(taxonomy, wanted.profile)}")
    if wanted.actor:
        parts.append(f"by {wanted.actor}")
    if wanted.batch_id:
        parts.append(f"of batch {wanted.batch_id}")
    elif wanted.period:
        verb = "" if wanted.what and wanted.what != "upload" else f"{BASES[wanted.basis]} "
        parts.append(f"{verb if wanted.what != 'upload' else ''}{wanted.period}")
    return " · ".join(parts)


def find() -> tuple[str, list[int]]:
    """Return the title, and the ids of this page's pictures."""
    skip = page * PAGE
    if asked.get("state") == "sensitive":
        return "Pictures with a sensitive suggestion, and copies of protected ones", sensitive()[skip:]
    if asked.get("state") == "new":
        waiting = loop.review.assigner.waiting(View(), skip + PAGE)
        return "Waiting pictures, oldest first", waiting[skip:]
    wanted = read()
    return describe(wanted), loop.analytics.pictures_behind(user, wanted, skip)


def sensitive() -> list[int]:
    """Return the pictures with a sensitive suggestion or an alert, up to the end of this page."""
    waiting = [tag_id for tag_id, n in loop.curation.sensitive_waiting().items() if n]
    most = (page + 1) * PAGE
    found = [a for tag_id in waiting for a, _ in loop.curation.sensitive_pictures(tag_id, most)]
    return list(dict.fromkeys([*found, *(a.asset_id for a in loop.curation.protected.open_alerts())]))[:most]


def turn(by: int) -> None:
    st.session_state["pictures_page"] = page + by


@session.dialog("History", position="right", icon=":material/manage_search:")
def show_one(asset_id: int) -> None:
    asset_history.draw(asset_id)


def open_one() -> None:
    st.session_state["pictures_open"] = gallery.opened()


if st.session_state.get("pictures_asked") != asked:
    st.session_state.update(pictures_asked=asked, pictures_page=0)
page: int = st.session_state["pictures_page"]
st.title("Pictures")
try:
    title, found = find()
except TaggingError as error:
    session.draw_error(error)
    st.page_link(page_paths.OVERVIEW, label="To the overview", icon=":material/arrow_back:")
    st.stop()
more = "more than " if len(found) == PAGE else ""
st.markdown(
    f"**{session.plain(title)}**  \n:gray[{more}{page * PAGE + len(found):,} pictures]"
    if found
    else f"**{session.plain(title)}**"
)
if not found:
    st.info(
        "There are no such pictures, or their decisions have changed since." if not page else "No more pictures."
    )
known = gallery.load(found)
shown = [(known[asset_id], "") for asset_id in found if asset_id in known]
if shown:
    gallery.draw(f"pictures-{page}-{hash(title)}", shown, [], label="Pictures", on_open=open_one, opens=True)
with st.container(horizontal=True):
    if page:
        st.button("Previous page", icon=":material/arrow_back:", on_click=turn, args=(-1,))
    if len(found) == PAGE:
        st.button("Next page", icon=":material/arrow_forward:", on_click=turn, args=(1,))
if (opened := st.session_state.pop("pictures_open", None)) in known:
    show_one(opened)
