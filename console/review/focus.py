"""Focus: one picture large, its suggestions beside it, keys for everything."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import image_routes, session
from console.review import actions, suggestion_chips, tag_picker
from console.review import state as place
from console.review.empty_state import draw_empty
from tagging_core import Kind
from tagging_core.ledger.events import Look
from tagging_core.publishing.caption_templates import Description
from tagging_core.review.decisions import Card
from tagging_core.taxonomy.model import Taxonomy

state = st.session_state

_LOOKS = {
    Look.SECOND: "A second opinion is wanted. Somebody has tagged this picture; say what you see yourself.",
    Look.KNOWN: "",  # nobody is to know
}


def draw_focus() -> None:
    """Draw the picture in focus, or why there is none."""
    if state["review_asset"] is None:
        place.go_on()
    if state["review_asset"] is None:
        draw_empty()
        return
    card = session.loop().review.card(
        session.current_user(), state["review_asset"], state["review_profile"], place.look()
    )
    taxonomy = session.loop().taxonomy()
    place.keep_card(card)
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
            "Blind sample: nothing is suggested on this picture, so that accuracy can be told honestly. Type tags.",
            icon=":material/visibility_off:",
        )
    if card.look and _LOOKS[card.look]:
        st.info(_LOOKS[card.look], icon=":material/group:")
    if card.asset.review == "flagged":
        past = [event for event, stands in session.loop().assets.history(card.asset.id) if stands]
        for event in past:
            if event.kind == Kind.FLAG:
                note = session.plain((event.payload or {}).get("note") or "no note")
                st.warning(f"{session.plain(event.actor)} flagged this picture: {note}", icon=":material/flag:")
                break
            if event.look and (differs := (event.payload or {}).get("differs")):
                names = ", ".join(session.tag_label(taxonomy.tag(t)) for t in differs)
                st.warning(
                    f"{session.plain(event.actor)}'s second opinion differs on: {names}", icon=":material/group:"
                )
                break


def _draw_picture(card: Card) -> None:
    ahead = session.loop().review.assigner.coming(session.current_user(), place.view(), card.asset.id, limit=6)
    coming = session.loop().assets.get_many(ahead)
    strip = "".join(
        f'<img src="{image_routes.thumbnail(a)}" alt="{image_routes.alternative(a)}" loading="lazy" '
        'style="height:52px;border-radius:6px;margin-right:6px">'
        for a in coming
    )
    # The next pictures are fetched while this one is looked at.
    early = "".join(f'<img src="{image_routes.screen(a)}" alt="" style="display:none">' for a in coming[:2])
    st.html(
        f'<a href="{image_routes.original(card.asset)}" target="_blank" title="The original, at full size">'
        f'<img src="{image_routes.screen(card.asset)}" alt="{image_routes.alternative(card.asset)}" '
        'style="max-width:100%;max-height:calc(100vh - 17rem);min-height:12rem;object-fit:contain;'
        'border-radius:8px;display:block"></a>'
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Back", on_click=place.go_back, shortcut="ArrowLeft", disabled=not state["review_seen"])
        st.button("Next", on_click=place.go_on, shortcut="ArrowRight", help="Look at the next, decide nothing")
        st.link_button(
            "Original",
            image_routes.original(card.asset),
            icon=":material/open_in_new:",
            type="tertiary",
            shortcut="O",
            help="At full size, in a tab of its own",
        )
        st.button(
            "History",
            key="review_info",
            on_click=actions.open_dialog,
            args=("info",),
            icon=":material/manage_search:",
            type="tertiary",
            shortcut="I",
            help="All that happened to this picture",
        )
    st.caption(f"{session.plain(card.asset.name)} · {card.asset.width} x {card.asset.height} · {card.asset.format}")
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
            help="The picture is finished. Tags you left out count as not on it.",
        )
        st.button("Skip", on_click=actions.finish, args=(Kind.SKIP, asset_id), shortcut="S", help="Decide later")
        st.button(
            "Flag",
            on_click=actions.open_dialog,
            args=("flag",),
            shortcut="F",
            help="Set it aside for discussion, with a note",
        )


def _draw_decided(card: Card, shown: dict[str, float], taxonomy: Taxonomy) -> None:
    """The tags that are on the picture, or ruled out, and are no chip."""
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
                    on_click=actions.take_back,
                    args=(label.event_id,),
                    icon=icon,
                    help="Click to take this back",
                )


def _draw_held(card: Card, taxonomy: Taxonomy) -> None:
    assert card.holder is not None
    st.warning(f"{session.plain(card.holder.actor)} has this picture open.", icon=":material/lock:")
    st.button(
        "Take over",
        on_click=actions.take_over,
        shortcut="T",
        help=f"{card.holder.actor} is told, and can decide nothing about it any more",
    )
    for tag_id, label in card.decided.items():
        if label.value:
            st.badge(session.tag_label(taxonomy.tag(tag_id)), icon=":material/check:")


def _draw_text(card: Card) -> None:
    text, key = card.asset.text, card.asset.id
    with (
        st.expander("Text that belongs to it", expanded=bool(text.sentence())),
        st.form(f"text_{key}", border=False),
    ):
        st.text_input("Title", text.title, key=f"review_title_{key}")
        st.text_area("Caption", text.caption, key=f"review_caption_{key}", height=80)
        st.text_area("Article", text.body, key=f"review_body_{key}", height=120)
        st.form_submit_button("Save text", on_click=actions.save_text, args=(key,))


def _draw_description(card: Card, taxonomy: Taxonomy) -> None:
    """What readers see: it follows the tags as long as nobody writes it better."""
    key, language = card.asset.id, session.language()
    found = session.loop().captions.of(card.asset, language)
    words = found.description
    with st.expander("Title, caption and alt text for readers"):
        if session.loop().captions.drafter.available:
            _draw_draft(key, language)
        _draw_description_form(key, language, words, found.written)


def _draw_draft(asset_id: int, language: str) -> None:
    help_ = "A generative model looks at the picture; what it writes counts once you save it"
    if st.button("Draft from the picture", icon=":material/edit_note:", help=help_):
        with st.spinner("The model is looking at the picture…", show_time=True):
            actions.draft_description(asset_id, language)
        st.rerun()


def _draw_description_form(key: int, language: str, words: Description, written: Sequence[str]) -> None:
    with st.form(f"description_{key}_{language}_{hash(words)}", border=False):
        for name, label in (("title", "Title"), ("caption", "Caption"), ("alt", "Alt text")):
            st.text_area(
                label,
                getattr(words, name),
                key=f"review_description_{name}_{key}",
                height=68,
                placeholder="Phrased from the tags, once some are accepted",
                help="Written by a person; empty it to follow the tags again"
                if name in written
                else "Follows the tags",
            )
        st.form_submit_button("Save description", on_click=actions.save_description, args=(key, language))
