from __future__ import annotations

import time

import streamlit as st
from PIL import Image, ImageOps

import pages
from pages.common import acts
from pages.common.evidence import draw_why
from pages.common.session import current_user, guard, language, loop, say_error, show_error, tag_label
from tagging_core import Kind, TaggingError, assets, batches, reviewing
from tagging_core.people import Action
from tagging_core.pictures import encode_jpeg
from tagging_core.reviewing import Card
from tagging_core.suggesting import Suggestion

guard(Action.REVIEW)
tagloop, user = loop(), current_user()
state = st.session_state
STATES = {"new": "Waiting", "skipped": "Skipped", "done": "Done"}


@st.cache_data(max_entries=64, show_spinner=False)
def fitted(sha256: str) -> bytes:
    """The picture at a size at which it is seen whole, beside its tags, without scrolling."""
    with Image.open(tagloop.archive.screen(sha256)) as image:
        return encode_jpeg(ImageOps.contain(image, (900, 620)), 900)


def asked_batch() -> int | None:
    """The batch the address names, if there is one."""
    asked = st.query_params.get("batch", "")
    if not asked.isdecimal():
        return None
    try:
        return tagloop.batch(int(asked)).id
    except TaggingError as error:
        st.query_params.clear()
        say_error(error)
        return None


def choose_start() -> None:
    """Set up the page's state; the address decides which batch."""
    asked = asked_batch()
    if "review_batch" not in state or (asked and asked != state["review_batch"]):
        state.update(review_batch=asked or 0, review_state="new", review_asset=None, review_seen=[])
        state["review_profile"] = next((b.profile for b in recent if b.id == asked), None)
    if state["review_profile"] is None:
        state["review_profile"] = recent[0].profile if recent else "general"
    for key, value in {
        "review_replacing": None,
        "review_why": None,
        "review_since": time.time(),
        "review_pick": None,
    }.items():
        state.setdefault(key, value)


# ---- drawing -----------------------------------------------------------------------------------------------------


def draw_suggestion(n: int, suggestion: Suggestion) -> None:
    tag = taxonomy.tags[suggestion.tag_id]
    category = taxonomy.categories[tag.category_id].name(language())
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", key=f"chip_{tag.id}"):
        st.button(
            f"**{tag_label(tag)}** · {suggestion.probability:.0%}",
            key=f"accept_{tag.id}",
            on_click=acts.decide,
            args=(Kind.ACCEPT, tag.id),
            shortcut=str(n) if n <= 9 else None,
            help=f"{category}. {tag.definition} Click to accept.",
            icon=":material/add:",
            width="stretch",
            type="primary" if suggestion.probability >= 0.5 else "secondary",
        )
        name = tag_label(tag)
        replacing, asked = state["review_replacing"] == tag.id, state["review_why"] == tag.id
        for key, icon, act, args, pressed, help_text in (
            ("reject", "close", acts.decide, (Kind.REJECT, tag.id), False, f"Not {name}"),
            ("replace", "swap_horiz", acts.replace, (tag.id,), replacing, f"Another tag in place of {name}"),
            ("why", "help", acts.ask_why, (tag.id,), asked, f"Why {name}: the decided pictures behind it"),
        ):
            st.button(
                "",
                key=f"{key}_{tag.id}",
                on_click=act,
                args=args,
                icon=f":material/{icon}:",
                help=help_text,
                type="primary" if pressed else "tertiary",
            )
    if state["review_why"] == tag.id:
        draw_why(state["review_asset"], tag.id)


def draw_decided(card: Card) -> None:
    accepted = {tag_id: label for tag_id, label in card.decided.items() if label.value}
    rejected = {tag_id: label for tag_id, label in card.decided.items() if not label.value}
    if accepted:
        st.caption("On this picture")
    for group, icon in ((accepted, ":material/check:"), (rejected, ":material/block:")):
        if group is rejected and rejected:
            st.caption("Ruled out")
        with st.container(horizontal=True, gap="xsmall"):
            for tag_id, label in group.items():
                tag = taxonomy.tag(tag_id)
                st.button(
                    tag_label(tag),
                    key=f"decided_{tag_id}",
                    on_click=acts.take_back,
                    args=(label.event_id,),
                    icon=icon,
                    help="Click to take this back",
                )


def draw_picker(card: Card) -> None:
    replacing = state["review_replacing"]
    applied = {tag_id for tag_id, label in card.decided.items() if label.value}
    options = [tag.id for tag in taxonomy.active() if tag.id not in applied]
    st.selectbox(
        f"In place of {tag_label(taxonomy.tags[replacing])}" if replacing else "Add a tag",
        options,
        index=None,
        key="review_pick",
        on_change=acts.pick_tag,
        format_func=lambda tag_id: " · ".join(dict.fromkeys(taxonomy.tags[tag_id].words())),
        placeholder="Type any name, in English or Chinese",
        label_visibility="visible" if replacing else "collapsed",
    )


def draw_keys(card: Card) -> None:
    top = card.suggestions[0].tag_id if card.suggestions else None
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Done",
            type="primary",
            on_click=acts.finish,
            args=(Kind.DONE,),
            shortcut="D",
            icon=":material/done_all:",
            help="The picture is finished. Tags you left out count as not on it.",
        )
        st.button("Skip", on_click=acts.finish, args=(Kind.SKIP,), shortcut="S", help="Decide later")
        st.button(
            "Accept",
            on_click=acts.decide,
            args=(Kind.ACCEPT, top),
            shortcut="A",
            disabled=top is None,
            help="Accept the first suggestion",
        )
        st.button(
            "Reject",
            on_click=acts.decide,
            args=(Kind.REJECT, top),
            shortcut="X",
            disabled=top is None,
            help="Reject the first suggestion",
        )
        st.button(
            "Undo",
            on_click=acts.take_back_last,
            shortcut="Z",
            icon=":material/undo:",
            help="Take your last decision back, also from what was learned",
        )
        st.button(
            "Back", on_click=acts.step, args=(False,), shortcut="ArrowLeft", disabled=not state["review_seen"]
        )
        st.button(
            "Next", on_click=acts.step, args=(True,), shortcut="ArrowRight", help="Look at the next, decide nothing"
        )


def draw_text(card: Card) -> None:
    text = card.asset.text
    with st.expander("Text that belongs to it", expanded=bool(text.sentence())):
        key = card.asset.id
        with st.form(f"text_{key}", border=False):
            st.text_input("Title", text.title, key=f"review_title_{key}")
            st.text_area("Caption", text.caption, key=f"review_caption_{key}", height=80)
            st.text_area("Article", text.body, key=f"review_body_{key}", height=120)
            st.form_submit_button("Save text", on_click=acts.save_text, args=(key,))


def draw_upcoming() -> None:
    batch_id = state["review_batch"] or None
    with tagloop.database.read() as connection:
        if state["review_state"] == "new":
            ahead = tagloop.coming(state["review_profile"], batch_id)[:6]
        else:
            ahead = reviewing.queue(connection, batch_id, state["review_state"], state["review_asset"], limit=6)
        coming = assets.get_many(connection, ahead)
    if coming:
        st.caption("Coming up")
        with st.container(horizontal=True, gap="xsmall"):
            for asset in coming:
                st.image(str(tagloop.archive.thumbnail(asset.sha256)), width=72, alt=asset.name)


@st.fragment
def draw_card() -> None:
    show_error()
    if state["review_asset"] is None:
        state["review_asset"] = acts.next_asset(0)
        state["review_since"] = time.time()
    with tagloop.database.read() as connection:
        progress = reviewing.progress(connection, state["review_batch"] or None)
    total = progress.waiting + progress.done + progress.skipped
    st.progress(
        progress.done / max(1, total),
        text=f"{progress.done} done · {progress.waiting} waiting · {progress.skipped} skipped",
    )
    if state["review_asset"] is None:
        draw_empty(total)
        return
    card = tagloop.card(state["review_asset"], state["review_profile"])
    draw_keys(card)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.image(fitted(card.asset.sha256), alt=card.asset.name)
        st.caption(f"{card.asset.name} · {card.asset.width} x {card.asset.height} · {card.asset.format}")
        draw_upcoming()
    with right:
        draw_decided(card)
        draw_picker(card)
        if card.suggestions:
            st.caption("Suggested, with the chance that each is right")
        with st.container(gap="xxsmall"):
            for n, suggestion in enumerate(card.suggestions, start=1):
                draw_suggestion(n, suggestion)
        draw_text(card)


def draw_empty(total: int) -> None:
    if not total:
        st.info("There are no pictures yet. Upload some, or take the sample photos.")
        st.page_link(pages.UPLOAD, label="Upload pictures", icon=":material/upload:")
    elif state["review_state"] == "new":
        st.success("All done here. Nothing is waiting.", icon=":material/celebration:")
        st.button("Undo the last decision", on_click=acts.take_back_last, shortcut="Z", icon=":material/undo:")
        st.page_link(pages.UPLOAD, label="Upload more", icon=":material/upload:")
    else:
        st.info(f"No pictures are {STATES[state['review_state']].lower()} here.")


with tagloop.database.read() as connection:
    recent = batches.recent(connection, limit=50)
taxonomy = tagloop.taxonomy()
choose_start()
names = {batch.id: f"{batch.name} ({batch.total})" for batch in recent}
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.selectbox(
        "Batch",
        [0, *names],
        format_func=lambda b: names.get(b, "All pictures"),
        key="review_batch",
        on_change=acts.restart,
        width=320,
    )
    st.selectbox(
        "Show", list(STATES), format_func=STATES.get, key="review_state", on_change=acts.restart, width=160
    )
    st.selectbox(
        "Profile",
        list(taxonomy.profiles),
        key="review_profile",
        width=200,
        format_func=lambda p: taxonomy.profiles[p].name(language()),
    )
draw_card()
