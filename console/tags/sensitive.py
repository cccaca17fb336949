"""Sensitive tags and protected pictures: waiting suggestions, their accuracy, and copies that were found."""

from __future__ import annotations

import streamlit as st

from console import gallery, session
from tagging_core import TaggingError
from tagging_core.assets import protected
from tagging_core.assets.protected import Alert
from tagging_core.curation import sensitive_tags
from tagging_core.taxonomy import Tag

_SHOWN = 8
_RECENT = 48


def draw_tag(tag: Tag, n: int) -> None:
    """Draw a sensitive tag: its waiting suggestions, and its precision here."""
    loop = session.loop()
    found = loop.curation.sensitive_pictures(tag.id, _SHOWN)
    state = loop.curation.health.of([tag.id])[tag.id]
    with st.container(border=True):
        low, high = state.interval
        if state.judged:
            right = (
                f"{state.precision:.0%} of {state.judged:,} judged suggestions were right ({low:.0%} – {high:.0%})"
            )
        else:
            right = "none was judged here yet, so its precision is unknown"
        st.markdown(f"**{session.plain(session.tag_label(tag))}** :gray[on {n:,} undecided pictures; {right}]")
        if found:
            gallery.draw_strip([(asset_id, f"{p:.0%}") for asset_id, p in found])


def draw_false_alarms() -> None:
    """Draw the measured false alarm rates of the shipped set, before any decisions."""
    alarms = sensitive_tags.FALSE_ALARMS
    table = [
        {"Tag": name, "Shown on, per 100 ordinary photos": share}
        for name, share in sorted(alarms.items(), key=lambda x: -x[1])
    ]
    with st.expander("How far can they be trusted?"):
        st.markdown(
            f"How often the built-in model suggests these tags on {sensitive_tags.ORDINARY:,} ordinary photos "
            "(clothes, everyday scenes) before any decisions; nearly all of these are false alarms. Recall was "
            "**not measured**: Tagloop ships no such pictures. It is an aid for reviewers, not a safeguard. "
            "Decisions improve it; the figures above are measured on yours."
        )
        st.dataframe(table, hide_index=True)


def draw_protected(may_curate: bool) -> None:
    """Draw the alerts and the protected set, with buttons to change it."""
    session.show_error()
    loop = session.loop()
    st.caption(
        "Reference pictures, for example those whose rights belong to somebody else. An uploaded picture that "
        f"looks like a copy of one (cosine {protected.CUT:.2f} or more) raises an alert."
    )
    found = loop.curation.protected.open_alerts()
    listed = loop.curation.protected.listed()
    for alert in found:
        _draw_alert(alert, may_curate)
    if not found:
        st.info("No picture looks like a protected one.")
    st.markdown(f"**{len(listed):,} protected**")
    for asset_id, note in list(listed.items())[:_RECENT]:
        with st.container(horizontal=True, vertical_alignment="center"):
            gallery.draw_strip([(asset_id, "")], width=72)
            st.markdown(session.plain(note) or ":gray[no note]", width="stretch")
            if may_curate:
                st.button(
                    "Remove protection",
                    key=f"release_{asset_id}",
                    on_click=_release,
                    args=(asset_id, note),
                    type="tertiary",
                )
    if may_curate:
        st.button("Protect pictures …", icon=":material/shield:", on_click=choose_protected)


@session.dialog("Protect pictures", width="large", icon=":material/shield:", on_dismiss="rerun")
def choose_protected() -> None:
    """Ask which pictures to protect."""
    if st.session_state.pop("protected_done", False):
        st.rerun()
    session.show_error()
    loop = session.loop()
    typed = st.text_input("Find by file name or text", key="protect_find", type="search")
    found = loop.assets.find(typed, _RECENT)
    if not found:
        st.info("No picture found. Upload it first.")
        return
    page = "protect/" + "-".join(str(asset.id) for asset in found)
    chosen = gallery.selection(page, [])
    note = st.text_input("Reason, for example who holds the rights", key="protect_note", max_chars=300)
    st.button(
        f"Protect {len(chosen)}",
        key="protect_do",
        type="primary",
        on_click=_protect_selected,
        args=(page, note),
        disabled=not chosen,
    )
    gallery.draw(page, [(asset, asset.name) for asset in found], [], label="Which should be protected?", side=120)


def _protect_selected(page: str, note: str) -> None:
    if _protect(gallery.selection(page, []), note, True):
        st.session_state["protected_done"] = True


def _draw_alert(alert: Alert, may_curate: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        gallery.draw_strip([(alert.asset_id, "uploaded"), (alert.protected_id, "protected")], width=120)
        st.markdown(
            f"Picture {alert.asset_id} looks like a protected one, cosine {alert.cosine:.3f}  \n"
            f":gray[{session.plain(alert.note)} · {alert.at:%d %b %Y}]",
            width="stretch",
        )
        if may_curate:
            st.button(
                "Not a copy, or allowed",
                key=f"dismiss_{alert.key}",
                on_click=_dismiss,
                args=(alert.key,),
            )


def _protect(asset_ids: list[int], note: str, on: bool) -> bool:
    try:
        session.loop().curation.protected.protect(session.current_user(), asset_ids, note, on=on)
    except TaggingError as error:
        session.defer_error(error)
        return False
    return True


def _release(asset_id: int, note: str) -> None:
    _protect([asset_id], note, False)


def _dismiss(key: str) -> None:
    try:
        session.loop().curation.proposals.dismiss(session.current_user(), key)
    except TaggingError as error:
        session.defer_error(error)
