"""A picture's suggestions as chips, whose order and digits are stable while the picture is in focus."""

from __future__ import annotations

import streamlit as st

from console import session
from console.review import actions, exclusive_choices
from console.review.explanation import draw_explanation
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.ledger import Label
from tagging_core.review import Card
from tagging_core.taxonomy import Tag, Taxonomy

state = st.session_state

_MAX_CHIPS = 12  # chips of one picture
_ICON_BUTTONS = ("bare_", "reject_", "replace_", "why_")
_STYLE = "<style>{} {{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}</style>".format(
    ", ".join(f'[class*="st-key-{name}"] button p' for name in _ICON_BUTTONS)
)
"""Some buttons show only their icon; the label is hidden visually and stays for screen readers."""


def shown(card: Card) -> dict[str, float]:
    """Return all tags suggested since the picture came into focus, in stable order so that keys keep their tag."""
    kept = state["review_chips"]
    if kept.get("asset") != card.asset.id:
        kept = {"asset": card.asset.id, "tags": {}}
    fresh = {s.tag_id: s.probability for s in card.suggestions}
    tags = {tag_id: fresh.get(tag_id, p) for tag_id, p in kept["tags"].items()}
    tags |= fresh
    spare = [tag_id for tag_id in tags if tag_id not in fresh and tag_id not in card.decided]
    for tag_id in spare[len(spare) - max(0, len(tags) - _MAX_CHIPS) :]:
        del tags[tag_id]
    state["review_chips"] = {"asset": card.asset.id, "tags": tags}
    return state["review_chips"]["tags"]


def draw_chips(card: Card, chips: dict[str, float], taxonomy: Taxonomy) -> None:
    """Draw the suggestions, each with its digit, and the buttons that act on the marked one."""
    if not chips:
        _draw_nothing(card, taxonomy)
        exclusive_choices.draw_choices(card, taxonomy)
        return
    st.html(_STYLE)
    order = list(chips)
    rivals = {tag_id: _accepted_rival(tag_id, card, taxonomy) for tag_id in order}
    open_ones = [t for t in order if t not in card.decided and not rivals[t]]
    current = state["review_current"] if state["review_current"] in chips else next(iter(open_ones), None)
    _draw_chip_keys(order, current, card, rivals=rivals)
    with st.container(gap="xxsmall"):
        for n, tag_id in enumerate(order, start=1):
            tag = taxonomy.tag(tag_id)
            category = taxonomy.categories[tag.category_id].name(session.language())
            _draw_chip(
                n,
                tag,
                category,
                p=chips[tag_id],
                label=card.decided.get(tag_id),
                rival=rivals[tag_id],
                current=tag_id == current,
            )
            if state["review_why"] == tag_id:
                draw_explanation(card.asset.id, tag_id)
    exclusive_choices.draw_choices(card, taxonomy)


def _draw_nothing(card: Card, taxonomy: Taxonomy) -> None:
    """Say why there are no chips; the blind sample says it elsewhere."""
    if card.blind:
        return
    if card.guesses is None:
        st.caption(":material/hourglass_empty: Suggestions are still being computed. Tags can be typed meanwhile.")
        return
    names = ", ".join(f"{session.tag_label(taxonomy.tag(tag_id))} {p:.0%}" for tag_id, p in card.guesses)
    other = "other " if card.decided else ""
    st.caption(
        f"No {other}tag is likelier than {MIN_PROBABILITY:.0%}." + (f" Best guesses: {names}." if names else "")
    )


def _draw_chip_keys(order: list[str], current: str | None, card: Card, *, rivals: dict[str, str | None]) -> None:
    """Draw the buttons that act on the marked chip."""
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
                on_click=actions.set_current,
                args=(order[to % len(order)],),
                icon=f":material/{icon}:",
                shortcut=key,
                type="tertiary",
            )
        for name, act, args, shortcut, help_text in (
            ("Accept", actions.toggle, (current, label, rivals.get(current or "")), "A", "Accept the marked tag"),
            ("Reject", actions.reject, (current, label), "X", "Reject the marked tag"),
            ("Replace", actions.start_replacing, (current,), "E", "Replace the marked tag with another one"),
            ("Why", actions.explain, (current,), "W", "The examples behind the marked tag"),
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


def _draw_chip(
    n: int, tag: Tag, category: str, *, p: float, label: Label | None, rival: str | None, current: bool
) -> None:
    tag_id, name = tag.id, session.tag_label(tag)
    yes, no = bool(label and label.value), bool(label and not label.value)
    icon = "check_circle" if yes else "block" if no else "chevron_right" if current else "add"
    text = f"~~{name}~~" if no else f":gray[{name}]" if rival else f"**{name}**"
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", key=f"chip_{tag_id}"):
        st.button(
            f"{text} · {p:.0%}",
            key=f"accept_{tag_id}",
            on_click=actions.toggle,
            args=(tag_id, label, rival),
            shortcut=str(n) if n <= 9 else None,
            help=f"{category}. {tag.definition} " + ("Click to undo." if yes else "Click to accept."),
            icon=f":material/{icon}:",
            width="stretch",
            type="primary" if yes else "secondary",
        )
        replacing, asked = state["review_replacing"] == tag_id, state["review_why"] == tag_id
        for key, sign, act, args, pressed, help_text in (
            ("reject", "close", actions.reject, (tag_id, label), no, f"Not {name}"),
            ("replace", "swap_horiz", actions.start_replacing, (tag_id,), replacing, f"Replace {name}"),
            ("why", "help", actions.explain, (tag_id,), asked, f"Why {name}: the examples behind it"),
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
