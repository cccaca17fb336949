"""Sensitive tags and the protected set: what waits, how often the machine is right, what was found."""

from __future__ import annotations

import streamlit as st

from console import gallery, session
from tagging_core import TaggingError
from tagging_core.assets import protected
from tagging_core.assets.protected import Alert
from tagging_core.curation import sensitive_tags
from tagging_core.taxonomy.model import Tag

_SHOWN = 8
_RECENT = 48


def draw_tag(tag: Tag, n: int) -> None:
    """Draw a sensitive tag: what waits, and how often it was right here."""
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
            right = "nobody has judged one here yet, so how often it is right is not known"
        st.markdown(f"**{session.plain(session.tag_label(tag))}** :gray[on {n:,} undecided pictures; {right}]")
        if found:
            gallery.draw_strip([(asset_id, f"{p:.0%}") for asset_id, p in found])


def draw_honesty() -> None:
    """Say what is known of the shipped set's accuracy before anybody decided anything."""
    alarms = sensitive_tags.FALSE_ALARMS
    table = [
        {"Tag": name, "Shown on, of 100 ordinary photos": share}
        for name, share in sorted(alarms.items(), key=lambda x: -x[1])
    ]
    with st.expander("How far can they be trusted?"):
        st.markdown(
            f"On {sensitive_tags.ORDINARY:,} ordinary photos (clothes on offer, everyday scenes) the built-in "
            "model, before any decision, shows these tags so often; nearly all of that is false alarms. How many "
            "true cases it finds was **not measured**: Tagloop ships no such pictures. It is an aid for reviewers, "
            "not a safeguard. "
            "What people decide here makes it better, and the figures above are your own."
        )
        st.dataframe(table, hide_index=True)


def draw_protected(may_curate: bool) -> None:
    """Draw alerts, the protected set, and a choice of further pictures."""
    session.show_error()
    loop = session.loop()
    st.caption(
        "Reference pictures, such as those whose rights somebody else holds. A picture that looks like a copy of "
        f"one (cosine {protected.CUT:.2f} or more) raises an alert when it is taken in."
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
                    "Not protected any more",
                    key=f"release_{asset_id}",
                    on_click=_release,
                    args=(asset_id, note),
                    type="tertiary",
                )
    if may_curate:
        st.button("Protect pictures …", icon=":material/shield:", on_click=choose)


@st.dialog("Protect pictures", width="large", icon=":material/shield:", on_dismiss="rerun")
def choose() -> None:
    """Ask which of the latest pictures are protected."""
    if st.session_state.pop("protected_done", False):
        st.rerun()
    session.show_error()
    loop = session.loop()
    typed = st.text_input("Find by file name or text", key="protect_find", type="search")
    found = loop.assets.find(typed, _RECENT)
    if not found:
        st.info("There is no such picture. Upload it first.")
        return
    page = "protect/" + "-".join(str(asset.id) for asset in found)
    chosen = gallery.selection(page, [])
    note = st.text_input("Why, such as who holds the rights", key="protect_note", max_chars=300)
    st.button(
        f"Protect {len(chosen)}",
        key="protect_do",
        type="primary",
        on_click=_choose,
        args=(page, note),
        disabled=not chosen,
    )
    gallery.draw(page, [(asset, asset.name) for asset in found], [], "Which are protected?", side=120)


def _choose(page: str, note: str) -> None:
    if _protect(gallery.selection(page, []), note, True):
        st.session_state["protected_done"] = True


def _draw_alert(alert: Alert, may_curate: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        gallery.draw_strip([(alert.asset_id, "taken in"), (alert.protected_id, "protected")], width=120)
        st.markdown(
            f"Picture {alert.asset_id} looks like a protected one, cosine {alert.cosine:.3f}  \n"
            f":gray[{session.plain(alert.note)} · {alert.at:%d %b %Y}]",
            width="stretch",
        )
        if may_curate:
            st.button(
                "It is no copy, or is allowed",
                key=f"dismiss_{alert.key}",
                on_click=_dismiss,
                args=(alert.key,),
            )


def _protect(asset_ids: list[int], note: str, on: bool) -> bool:
    try:
        session.loop().curation.protected.protect(session.current_user(), asset_ids, note, on)
    except TaggingError as error:
        session.say_error(error)
        return False
    return True


def _release(asset_id: int, note: str) -> None:
    _protect([asset_id], note, False)


def _dismiss(key: str) -> None:
    try:
        session.loop().curation.proposals.dismiss(session.current_user(), key)
    except TaggingError as error:
        session.say_error(error)
