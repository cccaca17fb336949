"""Focus: one picture large, its suggestions beside it, keys for everything."""

from __future__ import annotations

import streamlit as st

from pages.common import pictures, session
from pages.editors.reviewing import acts, picker
from pages.editors.reviewing import state as place
from pages.editors.reviewing.empty import draw_empty
from pages.editors.reviewing.why import draw_why
from tagging_core import Kind, assets, history
from tagging_core.ledger import Label, Look
from tagging_core.reviewing import Card
from tagging_core.taxonomy import Taxonomy

state = st.session_state

_MOST = 12  # chips of one picture
_BARE = ("bare_", "reject_", "replace_", "why_")
_STYLE = "<style>{} {{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}</style>".format(
    ", ".join(f'[class*="st-key-{name}"] button p' for name in _BARE)
)
"""Some buttons show their icon alone; their names stay for screen readers."""

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
    card = session.loop().card(session.current_user(), state["review_asset"], state["review_profile"], place.look())
    chips = _chips(card)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _draw_notices(card)
        _draw_picture(card)
    with right:
        if card.holder is None:
            _draw_keys(card.asset.id)
            picker.draw_picker()
            _draw_decided(card, chips)
            _draw_chips(card, chips)
            _draw_text(card)
        else:
            _draw_held(card)


def _chips(card: Card) -> dict[str, float]:
    """What was suggested since the picture came into focus, each in its place, so that keys keep their meaning."""
    kept = state["review_chips"]
    if kept.get("asset") != card.asset.id:
        kept = {"asset": card.asset.id, "tags": {}}
    fresh = {s.tag_id: s.probability for s in card.suggestions}
    tags = {tag_id: fresh.get(tag_id, p) for tag_id, p in kept["tags"].items()}
    tags |= {tag_id: p for tag_id, p in fresh.items() if len(tags) < _MOST or tag_id in tags}
    state["review_chips"] = {"asset": card.asset.id, "tags": dict(list(tags.items())[:_MOST])}
    return state["review_chips"]["tags"]


def _draw_notices(card: Card) -> None:
    if card.blind:
        st.info(
            "Blind sample: nothing is suggested on this picture, so that accuracy can be told honestly. Type tags.",
            icon=":material/visibility_off:",
        )
    if card.look and _LOOKS[card.look]:
        st.info(_LOOKS[card.look], icon=":material/group:")
    if card.asset.review == "flagged":
        with session.loop().database.read() as connection:
            past = [event for event, stands in history.of_picture(connection, card.asset.id) if stands]
        for event in past:
            if event.kind == Kind.FLAG:
                note = (event.payload or {}).get("note") or "no note"
                st.warning(f"{event.actor} flagged this picture: {note}", icon=":material/flag:")
                break
            if event.look and (differs := (event.payload or {}).get("differs")):
                names = ", ".join(session.tag_label(session.loop().taxonomy().tag(t)) for t in differs)
                st.warning(f"{event.actor}'s second opinion differs on: {names}", icon=":material/group:")
                break


def _draw_picture(card: Card) -> None:
    with session.loop().database.read() as connection:
        ahead = session.loop().turns.coming(session.current_user(), place.view(), card.asset.id, limit=6)
        coming = assets.get_many(connection, ahead)
    strip = "".join(
        f'<img src="{pictures.thumbnail(a)}" alt="{pictures.alternative(a)}" loading="lazy" '
        'style="height:52px;border-radius:6px;margin-right:6px">'
        for a in coming
    )
    # The next pictures are fetched while this one is looked at.
    early = "".join(f'<img src="{pictures.screen(a)}" alt="" style="display:none">' for a in coming[:2])
    st.html(
        f'<a href="{pictures.original(card.asset)}" target="_blank" title="The original, at full size">'
        f'<img src="{pictures.screen(card.asset)}" alt="{pictures.alternative(card.asset)}" '
        'style="max-width:100%;max-height:calc(100vh - 17rem);min-height:12rem;object-fit:contain;'
        'border-radius:8px;display:block"></a>'
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Back", on_click=place.go_back, shortcut="ArrowLeft", disabled=not state["review_seen"])
        st.button("Next", on_click=place.go_on, shortcut="ArrowRight", help="Look at the next, decide nothing")
        st.link_button(
            "Original",
            pictures.original(card.asset),
            icon=":material/open_in_new:",
            type="tertiary",
            shortcut="O",
            help="At full size, in a tab of its own",
        )
        st.button(
            "History",
            key="review_info",
            on_click=acts.open_dialog,
            args=("info",),
            icon=":material/manage_search:",
            type="tertiary",
            shortcut="I",
            help="All that happened to this picture",
        )
    st.caption(f"{card.asset.name} · {card.asset.width} x {card.asset.height} · {card.asset.format}")
    if coming:
        st.html(f'<div style="opacity:.7;font-size:.8rem;margin-bottom:4px">Coming up</div>{strip}{early}')


def _draw_keys(asset_id: int) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Done",
            type="primary",
            on_click=acts.finish,
            args=(Kind.DONE, asset_id),
            shortcut="D",
            icon=":material/done_all:",
            help="The picture is finished. Tags you left out count as not on it.",
        )
        st.button("Skip", on_click=acts.finish, args=(Kind.SKIP, asset_id), shortcut="S", help="Decide later")
        st.button(
            "Flag",
            on_click=acts.open_dialog,
            args=("flag",),
            shortcut="F",
            help="Set it aside for discussion, with a note",
        )


def _draw_decided(card: Card, chips: dict[str, float]) -> None:
    """The tags that are on the picture, or ruled out, and are no chip."""
    rest = {tag_id: label for tag_id, label in card.decided.items() if tag_id not in chips}
    taxonomy = session.loop().taxonomy()
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
                    on_click=acts.take_back,
                    args=(label.event_id,),
                    icon=icon,
                    help="Click to take this back",
                )


def _draw_chips(card: Card, chips: dict[str, float]) -> None:
    if not chips:
        return
    taxonomy = session.loop().taxonomy()
    st.html(_STYLE)
    order = list(chips)
    rivals = {tag_id: _accepted_rival(tag_id, card, taxonomy) for tag_id in order}
    open_ones = [t for t in order if t not in card.decided and not rivals[t]]
    current = state["review_current"] if state["review_current"] in chips else next(iter(open_ones), None)
    _draw_chip_keys(order, current, card, rivals)
    with st.container(gap="xxsmall"):
        for n, tag_id in enumerate(order, start=1):
            _draw_chip(n, tag_id, chips[tag_id], card.decided.get(tag_id), rivals[tag_id], tag_id == current)
            if state["review_why"] == tag_id:
                draw_why(card.asset.id, tag_id)


def _draw_chip_keys(order: list[str], current: str | None, card: Card, rivals: dict[str, str | None]) -> None:
    """The keys that act on the marked chip."""
    at = order.index(current) if current else -1
    label, nothing = card.decided.get(current or ""), current is None
    with st.container(horizontal=True, gap="xxsmall", vertical_alignment="center"):
        for icon, key, name, to in (
            ("keyboard_arrow_up", "ArrowUp", "Suggestion above", at - 1),
            ("keyboard_arrow_down", "ArrowDown", "Suggestion below", at + 1),
        ):
            st.button(
                name,
                key=f"bare_{key}",
                on_click=acts.set_current,
                args=(order[to % len(order)],),
                icon=f":material/{icon}:",
                shortcut=key,
                type="tertiary",
            )
        for name, act, args, shortcut, help_text in (
            (
                "Accept",
                acts.toggle,
                (current, label, rivals.get(current or "")),
                "A",
                "Accept the marked suggestion",
            ),
            ("Reject", acts.reject, (current, label), "X", "The marked suggestion does not apply"),
            ("Instead", acts.ask_instead, (current,), "E", "Another tag in place of the marked suggestion"),
            ("Why", acts.ask_why, (current,), "W", "The decided pictures behind the marked suggestion"),
        ):
            st.button(
                name,
                on_click=act,
                args=args,
                shortcut=shortcut,
                disabled=nothing,
                help=help_text,
                type="tertiary",
            )


def _draw_chip(n: int, tag_id: str, p: float, label: Label | None, rival: str | None, current: bool) -> None:
    taxonomy = session.loop().taxonomy()
    tag = taxonomy.tag(tag_id)
    name = session.tag_label(tag)
    category = taxonomy.categories[tag.category_id].name(session.language())
    yes, no = bool(label and label.value), bool(label and not label.value)
    icon = "check_circle" if yes else "block" if no else "chevron_right" if current else "add"
    text = f"~~{name}~~" if no else f":gray[{name}]" if rival else f"**{name}**"
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", key=f"chip_{tag_id}"):
        st.button(
            f"{text} · {p:.0%}",
            key=f"accept_{tag_id}",
            on_click=acts.toggle,
            args=(tag_id, label, rival),
            shortcut=str(n) if n <= 9 else None,
            help=f"{category}. {tag.definition} " + ("Click to take it back." if yes else "Click to accept."),
            icon=f":material/{icon}:",
            width="stretch",
            type="primary" if yes else "secondary",
        )
        replacing, asked = state["review_replacing"] == tag_id, state["review_why"] == tag_id
        for key, sign, act, args, pressed, help_text in (
            ("reject", "close", acts.reject, (tag_id, label), no, f"Not {name}"),
            ("replace", "swap_horiz", acts.ask_instead, (tag_id,), replacing, f"Another tag in place of {name}"),
            ("why", "help", acts.ask_why, (tag_id,), asked, f"Why {name}: the decided pictures behind it"),
        ):
            st.button(
                help_text,
                key=f"{key}_{tag_id}",
                on_click=act,
                args=args,
                icon=f":material/{sign}:",
                help=help_text,
                type="primary" if pressed else "tertiary",
            )


def _accepted_rival(tag_id: str, card: Card, taxonomy: Taxonomy) -> str | None:
    rivals = {rival.id for rival in taxonomy.siblings(taxonomy.tag(tag_id))}
    return next((t for t, label in card.decided.items() if label.value and t in rivals), None)


def _draw_held(card: Card) -> None:
    assert card.holder is not None
    st.warning(f"{card.holder.actor} has this picture open.", icon=":material/lock:")
    st.button(
        "Take over",
        on_click=acts.take_over,
        shortcut="T",
        help=f"{card.holder.actor} is told, and can decide nothing about it any more",
    )
    for tag_id, label in card.decided.items():
        if label.value:
            st.badge(session.tag_label(session.loop().taxonomy().tag(tag_id)), icon=":material/check:")


def _draw_text(card: Card) -> None:
    text, key = card.asset.text, card.asset.id
    with (
        st.expander("Text that belongs to it", expanded=bool(text.sentence())),
        st.form(f"text_{key}", border=False),
    ):
        st.text_input("Title", text.title, key=f"review_title_{key}")
        st.text_area("Caption", text.caption, key=f"review_caption_{key}", height=80)
        st.text_area("Article", text.body, key=f"review_body_{key}", height=120)
        st.form_submit_button("Save text", on_click=acts.save_text, args=(key,))
