"""Focus mode: one large picture with its suggestions, operated by keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import image_routes, session
from console.review import actions, suggestion_chips, tag_picker
from console.review import state as review_state
from console.review.empty_state import draw_empty
from tagging_core import Kind
from tagging_core.ledger import Look
from tagging_core.publishing.caption_templates import Description
from tagging_core.review import Card
from tagging_core.taxonomy import Taxonomy

state = st.session_state

_LOOKS = {
    Look.SECOND: "Second opinion: somebody else has tagged this picture. Tag what you see.",
    Look.KNOWN: "",  # a known picture must not be recognizable as one
}


def draw_focus() -> None:
    """Draw the picture in focus, or why there is none."""
    if state["review_asset"] is None:
        review_state.show_next()
    if state["review_asset"] is None:
        draw_empty()
        return
    card = session.loop().review.card(
        session.current_user(), state["review_asset"], state["review_profile"], look=review_state.look()
    )
    taxonomy = session.loop().taxonomy()
    review_state.remember_card(card)
    shown = suggestion_chips.shown(card)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        _draw_notices(card, taxonomy)
        _draw_picture(card)
    with right:
        if card.holder is None:
            _draw_keys(card.asset.id)
            tag_picker.draw_picker()
            _draw_decided(card, shown, taxonomy)
            suggestion_chips.draw_chips(card, shown, taxonomy)
            _draw_text(card)
            _draw_description(card, taxonomy)
        else:
            _draw_held(card, taxonomy)


def _draw_notices(card: Card, taxonomy: Taxonomy) -> None:
    if card.blind:
        st.info(
            "Blind sample: this picture has no suggestions, so that accuracy is measured without bias. Type tags.",
            icon=":material/visibility_off:",
        )
    if card.look and _LOOKS[card.look]:
        st.info(_LOOKS[card.look], icon=":material/group:")
    if card.asset.review == "flagged":
        past = [event for event, stands in session.loop().assets.history(card.asset.id) if stands]
        for event in past:
            if event.kind == Kind.FLAG:
                note = session.escape_md((event.payload or {}).get("note") or "no note")
                st.warning(f"{session.escape_md(event.actor)} flagged this picture: {note}", icon=":material/flag:")
                break
            if event.look and (differs := (event.payload or {}).get("differs")):
                names = ", ".join(session.tag_label(taxonomy.tag(t)) for t in differs)
                st.warning(
                    f"{session.escape_md(event.actor)}'s second opinion differs on: {names}",
                    icon=":material/group:",
                )
                break


def _draw_picture(card: Card) -> None:
    ahead = session.loop().review.assigner.upcoming(
        session.current_user(), review_state.view(), card.asset.id, limit=6
    )
    coming = session.loop().assets.get_many(ahead)
    strip = "".join(
        f'<img src="{image_routes.thumbnail(a)}" alt="{image_routes.alt_html(a)}" loading="lazy" '
        'style="height:52px;border-radius:6px;margin-right:6px">'
        for a in coming
    )
    # Prefetch the next pictures.
    early = "".join(f'<img src="{image_routes.screen(a)}" alt="" style="display:none">' for a in coming[:2])
    st.html(
        f'<a href="{image_routes.original(card.asset)}" target="_blank" title="The original, at full size">'
        f'<img src="{image_routes.screen(card.asset)}" alt="{image_routes.alt_html(card.asset)}" '
        'style="max-width:100%;max-height:calc(100vh - 17rem);min-height:12rem;object-fit:contain;'
        'border-radius:8px;display:block"></a>'
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Back", on_click=review_state.show_previous, shortcut="ArrowLeft", disabled=not state["review_seen"]
        )
        st.button("Next", on_click=review_state.show_next, shortcut="ArrowRight", help="Without a decision")
        st.link_button(
            "Original",
            image_routes.original(card.asset),
            icon=":material/open_in_new:",
            type="tertiary",
            shortcut="O",
            help="At full size, in a new tab",
        )
        st.button(
            "History",
            key="review_info",
            on_click=actions.open_dialog,
            args=("info",),
            icon=":material/manage_search:",
            type="tertiary",
            shortcut="I",
            help="This picture's history",
        )
    st.caption(
        f"{session.escape_md(card.asset.name)} · {card.asset.width} x {card.asset.height} · {card.asset.format}"
    )
    if coming:
        st.html(f'<div style="opacity:.7;font-size:.8rem;margin-bottom:4px">Coming up</div>{strip}{early}')


def _draw_keys(asset_id: int) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Done",
            type="primary",
            on_click=actions.finish,
            args=(Kind.DONE, asset_id),
            shortcut="D",
            icon=":material/done_all:",
            help="Finish the picture. Tags you left out count as not on it.",
        )
        st.button("Skip", on_click=actions.finish, args=(Kind.SKIP, asset_id), shortcut="S", help="Decide later")
        st.button(
            "Flag",
            on_click=actions.open_dialog,
            args=("flag",),
            shortcut="F",
            help="Flag it for discussion, with a note",
        )


def _draw_decided(card: Card, shown: dict[str, float], taxonomy: Taxonomy) -> None:
    """Draw the accepted and rejected tags that have no chip."""
    rest = {tag_id: label for tag_id, label in card.decided.items() if tag_id not in shown}
    for value, title, icon in ((1, "On this picture", ":material/check:"), (0, "Ruled out", ":material/block:")):
        group = {tag_id: label for tag_id, label in rest.items() if label.value == value}
        if not group:
            continue
        st.caption(title)
        with st.container(horizontal=True, gap="xsmall"):
            for tag_id, label in group.items():
                tag = taxonomy.tag(tag_id)
                st.button(
                    session.tag_label(tag) + (" (proposed)" if tag.state == "proposed" else ""),
                    key=f"decided_{tag_id}",
                    on_click=actions.undo,
                    args=(label.event_id,),
                    icon=icon,
                    help="Click to undo",
                )


def _draw_held(card: Card, taxonomy: Taxonomy) -> None:
    assert card.holder is not None
    st.warning(f"{session.escape_md(card.holder.actor)} has this picture open.", icon=":material/lock:")
    st.button(
        "Take over",
        on_click=actions.take_over,
        shortcut="T",
        help=f"{card.holder.actor} can then no longer decide about it",
    )
    for tag_id, label in card.decided.items():
        if label.value:
            st.badge(session.tag_label(taxonomy.tag(tag_id)), icon=":material/check:")


def _draw_text(card: Card) -> None:
    text, key = card.asset.text, card.asset.id
    with (
        st.expander("Text of the picture", expanded=bool(text.sentence())),
        st.form(f"text_{key}", border=False),
    ):
        st.text_input("Title", text.title, key=f"review_title_{key}")
        st.text_area("Caption", text.caption, key=f"review_caption_{key}", height=80)
        st.text_area("Article", text.body, key=f"review_body_{key}", height=120)
        st.form_submit_button("Save text", on_click=actions.save_text, args=(key,))


def _draw_description(card: Card, taxonomy: Taxonomy) -> None:
    """Draw title, caption and alt text; they are generated from the tags until somebody edits them."""
    key, language = card.asset.id, session.language()
    found = session.loop().captions.of(card.asset, language)
    words = found.description
    with st.expander("Title, caption and alt text for readers"):
        if session.loop().captions.drafter.available:
            _draw_draft(key, language)
        _draw_description_form(key, language, words, written=found.written)


def _draw_draft(asset_id: int, language: str) -> None:
    help_ = "A generative model writes a draft; it is only used once you save it"
    if st.button("Draft from the picture", icon=":material/edit_note:", help=help_):
        with st.spinner("The model is looking at the picture…", show_time=True):
            actions.draft_description(asset_id, language)
        st.rerun()


def _draw_description_form(key: int, language: str, words: Description, *, written: Sequence[str]) -> None:
    with st.form(f"description_{key}_{language}_{hash(words)}", border=False):
        for name, label in (("title", "Title"), ("caption", "Caption"), ("alt", "Alt text")):
            st.text_area(
                label,
                getattr(words, name),
                key=f"review_description_{name}_{key}",
                height=68,
                placeholder="Generated from the tags, once some are accepted",
                help="Written by a person; clear it to generate it from the tags again"
                if name in written
                else "Generated from the tags",
            )
        st.form_submit_button("Save description", on_click=actions.save_description, args=(key, language))
