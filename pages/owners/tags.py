from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.common.session import current_user, guard, language, loop, say_error, show_error, tag_label
from tagging_core import TaggingError, assets, tags
from tagging_core.people import Action
from tagging_core.taxonomy import Tag

guard(Action.REVIEW)
tagloop, user = loop(), current_user()
taxonomy = tagloop.taxonomy()
may_edit = user.may(Action.CURATE)
EXAMPLES = 8


def split(text: str, by: str) -> list[str]:
    return [part.strip() for part in text.split(by) if part.strip()]


def save(key: str, tag: Tag) -> None:
    value = {name: st.session_state[f"{key}_{name}"] for name in ("category", "en", "zh", "definition", "prompts")}
    aliases = {
        code: split(st.session_state[f"{key}_aliases_{code}"].replace("，", ","), ",") for code in ("en", "zh")
    }
    changed = replace(
        tag,
        category_id=value["category"],
        names={"en": value["en"], "zh": value["zh"]},
        aliases=aliases,
        definition=value["definition"].strip(),
        prompts=split(value["prompts"], "\n"),
    )
    if st.session_state.get(f"{key}_active", True) != (tag.state == "active"):
        changed = replace(changed, state="deprecated" if tag.state == "active" else "active")
    keep(changed)


def keep(tag: Tag) -> None:
    try:
        saved = tagloop.curator.save(user, tag)
    except TaggingError as error:
        say_error(error)
    else:
        st.session_state["tags_saved"] = f"{tag_label(saved)} is saved."


def draw_form(key: str, tag: Tag) -> None:
    with st.form(key, border=False):
        left, right = st.columns(2)
        left.text_input("English name", tag.names.get("en", ""), key=f"{key}_en", disabled=not may_edit)
        right.text_input("Chinese name", tag.names.get("zh", ""), key=f"{key}_zh", disabled=not may_edit)
        for column, code, title in ((left, "en", "English"), (right, "zh", "Chinese")):
            words = ", ".join(tag.aliases.get(code, []))
            column.text_input(
                f"Other {title} words, with commas", words, key=f"{key}_aliases_{code}", disabled=not may_edit
            )
        ids = list(taxonomy.categories)
        st.selectbox(
            "Category",
            ids,
            index=ids.index(tag.category_id),
            format_func=lambda c: taxonomy.categories[c].name(language()),
            key=f"{key}_category",
            disabled=not may_edit,
        )
        st.text_area("When to use it", tag.definition, key=f"{key}_definition", height=80, disabled=not may_edit)
        st.text_area(
            "What the model looks for, in English, one description a line",
            "\n".join(tag.prompts),
            key=f"{key}_prompts",
            height=80,
            help="Left empty, it is made of the English words. Synonyms help: 'a hat, cap or beanie'.",
            disabled=not may_edit,
        )
        if tag.id:
            st.toggle(
                "In use",
                tag.state == "active",
                key=f"{key}_active",
                disabled=not may_edit,
                help="Switched off, it is no longer suggested; pictures keep it.",
            )
        if may_edit:
            st.form_submit_button("Save", type="primary", on_click=save, args=(key, tag))


def draw_examples(tag: Tag) -> None:
    with tagloop.database.read() as connection:
        groups = [
            (title, assets.get_many(connection, tags.examples(connection, tag.id, value, EXAMPLES)))
            for title, value in (("Latest pictures with it", 1), ("Latest it was rejected for", 0))
        ]
    for title, found in groups:
        if found:
            st.caption(title)
            with st.container(horizontal=True, gap="xsmall"):
                for asset in found:
                    st.image(str(tagloop.archive.thumbnail(asset.sha256)), width=96, alt=asset.name)
    if not any(found for _, found in groups):
        st.info("No picture has this tag yet. Accept it in a review, and examples appear here.")


def draw_proposals(proposed: list[Tag]) -> None:
    """What editors missed and proposed; pictures have it already."""
    st.subheader(f"{len(proposed)} proposed", anchor=False)
    for tag in proposed:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                category = taxonomy.categories[tag.category_id].name(language())
                st.markdown(f"**{tag_label(tag)}** :gray[{category}]", width="stretch")
                for word, new_state, help_text in (
                    ("Approve", "active", "It is suggested from now on, and its pictures have taught it"),
                    (
                        "Decline",
                        "deprecated",
                        "Neither suggested nor offered; pictures keep it. 'In use' brings it back",
                    ),
                ):
                    st.button(
                        word,
                        key=f"{word.lower()}_{tag.id}",
                        on_click=keep,
                        args=(replace(tag, state=new_state),),
                        type="primary" if new_state == "active" else "secondary",
                        help=help_text,
                    )
            draw_examples(tag)


@st.dialog("New tag", width="large")
def new_tag() -> None:
    st.caption("It is suggested as soon as it is saved; every decision about it makes it better.")
    draw_form("tag_new", Tag("", next(iter(taxonomy.categories)), {}))


st.title("Tags")
show_error()
if message := st.session_state.pop("tags_saved", None):
    st.toast(message, icon=":material/check:")
with st.container(horizontal=True, vertical_alignment="bottom"):
    typed = st.text_input(
        "Find", placeholder="Any name, in English or Chinese", key="tags_find", type="search", width=320
    )
    category = st.selectbox(
        "Category",
        [None, *taxonomy.categories],
        format_func=lambda c: "All" if c is None else taxonomy.categories[c].name(language()),
        key="tags_category",
        width=220,
    )
    if may_edit:
        st.button("New tag", icon=":material/add:", on_click=new_tag)

if may_edit and (proposed := [tag for tag in taxonomy.tags.values() if tag.state == "proposed"]):
    draw_proposals(proposed)
with tagloop.database.read() as connection:
    counts = tags.counts(connection)
listed = tags.find(taxonomy, typed, limit=50) if typed.strip() else list(taxonomy.tags.values())
listed = [tag for tag in listed if category in (None, tag.category_id)]
rows = [
    {
        "Tag": tag_label(tag),
        "Category": taxonomy.categories[tag.category_id].name(language()),
        "Pictures": counts.get(tag.id, (0, 0))[0],
        "Rejected": counts.get(tag.id, (0, 0))[1],
        "Other words": ", ".join(word for word in tag.words() if word != tag_label(tag)),
        "In use": tag.state == "active",
    }
    for tag in listed
]
left, right = st.columns([3, 2], gap="medium")
with left:
    if not rows:
        st.info(f"No tag is called {typed!r}." + (" Add it with 'New tag'." if may_edit else ""))
        st.stop()
    chosen = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        key=f"tags_table_{category}_{typed}",
        height=620,
    )
with right:
    selected = chosen["selection"]["rows"]
    tag = listed[selected[0] if selected and selected[0] < len(listed) else 0]
    st.subheader(tag_label(tag))
    st.caption(tag.id)
    draw_examples(tag)
    draw_form(f"tag_{tag.id}", tag)
