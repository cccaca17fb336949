"""Examples of a tag: the best and the doubtful ones, to drop, and likely candidates, to add."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import gallery, session
from tagging_core import Decision, Kind, TaggingError
from tagging_core.common import Action
from tagging_core.taxonomy import Tag

_LIKELY = 8


def draw(tag: Tag) -> None:
    """Draw the best and the doubtful examples, and candidates for further ones."""
    loop = session.loop()
    best, doubtful = loop.curation.health.examples(tag.id)
    if not best and not doubtful:
        st.info("No picture has this tag yet. Examples appear once it is accepted in a review, or added below.")
    if best:
        _draw_row("Best examples", tag, [(e.asset_id, e.probability) for e in best], act="drop")
    if doubtful:
        _draw_row(
            "Doubtful: by leave-one-out, the least likely to have the tag",
            tag,
            [(e.asset_id, e.probability) for e in doubtful],
            act="drop",
        )
    if st.toggle("Show candidates for further examples", key=f"likely_{tag.id}"):
        likely = loop.curation.likely(tag.id, _LIKELY)
        if likely:
            _draw_row("Likely, and not decided yet", tag, likely, act="add")
        else:
            st.markdown(":gray[There are none.]")


def _draw_row(title: str, tag: Tag, found: Sequence[tuple[int, float]], *, act: str) -> None:
    known = gallery.load([asset_id for asset_id, _ in found])
    may = session.current_user().may(Action.REVIEW)
    word, icon = ("Drop", ":material/close:") if act == "drop" else ("Add", ":material/add:")
    help_text = "It does not have this tag" if act == "drop" else "It has this tag"
    st.markdown(f"**{title}**")
    with st.container(horizontal=True, gap="small"):
        for asset_id, probability in found:
            with st.container(width=116):
                gallery.draw_strip([(asset_id, f"{probability:.0%}")], width=108, known=known)
                st.button(
                    word,
                    key=f"{act}_{tag.id}_{asset_id}",
                    icon=icon,
                    on_click=_decide,
                    args=(tag, asset_id, act),
                    help=help_text,
                    type="tertiary",
                    disabled=not may,
                )


def _decide(tag: Tag, asset_id: int, act: str) -> None:
    loop = session.loop()
    profiles = loop.taxonomy().profiles_with(tag.category_id)
    kind = Kind.REJECT if act == "drop" else Kind.ADD
    profile = profiles[0].id if profiles else "general"
    decision = Decision(kind, asset_id, tag.id, profile=profile, payload={"example": True})
    try:
        loop.review.decide(session.current_user(), decision)
    except TaggingError as error:
        session.defer_error(error)
    else:
        done = "is no longer an example" if act == "drop" else "is an example now"
        st.toast(f"The picture {done}. Undo it in Review, with Z.", icon=":material/check:")
