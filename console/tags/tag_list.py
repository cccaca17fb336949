"""The tag list: categories, and the tags of one with their statistics."""

from __future__ import annotations

import streamlit as st

from console import session
from console.tags import dialogs
from tagging_core.common import Action
from tagging_core.curation import tag_health
from tagging_core.curation.tag_health import Health
from tagging_core.taxonomy import Tag, Taxonomy

SHOWN = 200
"""Tags listed at once; search or choose a category to see others."""

_ORDERS = ("Tree", "Most used", "Growing", "Unused", "Not in use")


def draw() -> None:
    """Draw search, categories and tags."""
    taxonomy = session.loop().taxonomy()
    may_edit = session.current_user().may(Action.CURATE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Find", placeholder="Any name, in any language", key="tags_find", type="search", width=240
        )
        order = st.segmented_control(
            "Show", _ORDERS, default="Tree", key="tags_order", required=True, persist_state="session"
        )
        st.space("stretch")
        if may_edit:
            st.button("New tag", icon=":material/add:", on_click=dialogs.new_tag, type="primary")
            st.button("New category", icon=":material/create_new_folder:", on_click=dialogs.edit_category)
    left, right = st.columns([1, 3], gap="medium")
    with left:
        category = _draw_categories(taxonomy, may_edit)
    with right:
        _draw_tags(
            taxonomy, _select(taxonomy, typed, order, category=category), typed, place=f"{category}/{order}/{typed}"
        )


def _draw_categories(taxonomy: Taxonomy, may_edit: bool) -> str | None:
    sizes: dict[str, int] = {}
    for tag in taxonomy.unmerged():
        sizes[tag.category_id] = sizes.get(tag.category_id, 0) + 1

    def title(category_id: str | None) -> str:
        if category_id is None:
            return f"All :gray[{sum(sizes.values()):,}]"
        name = session.plain(taxonomy.categories[category_id].name(session.language()))
        return f"{name} :gray[{sizes.get(category_id, 0):,}]"

    chosen = st.radio(
        "Category",
        [None, *taxonomy.categories],
        format_func=title,
        key="tags_category",
        persist_state="session",
        label_visibility="collapsed",
    )
    if chosen in taxonomy.categories and may_edit:
        st.button(
            "Edit this category",
            icon=":material/edit:",
            on_click=dialogs.edit_category,
            args=(chosen,),
            type="tertiary",
        )
    return chosen if chosen in taxonomy.categories else None


def _select(taxonomy: Taxonomy, typed: str, order: str, *, category: str | None) -> list[Tag]:
    within = [t for t in taxonomy.unmerged() if category in (None, t.category_id)]
    if typed.strip():
        return [hit.tag for hit in session.loop().curation.tag_finder().find(typed, limit=SHOWN, within=within)]
    if order == "Tree":
        return _as_tree(within)
    if order == "Not in use":
        return [tag for tag in within if tag.state != "active"]
    if order == "Growing":
        known = {tag.id: tag for tag in within}
        return [known[tag_id] for tag_id in session.loop().curation.health.growing(10 * SHOWN) if tag_id in known]
    counts = session.loop().curation.health.counts()
    if order == "Unused":
        return [tag for tag in within if not counts.get(tag.id, (0, 0))[0]]
    return sorted(within, key=lambda tag: -counts.get(tag.id, (0, 0))[0])


def _as_tree(within: list[Tag]) -> list[Tag]:
    """Order tags depth-first, each directly before its children."""
    below: dict[str | None, list[Tag]] = {}
    ids = {tag.id for tag in within}
    for tag in within:
        below.setdefault(tag.parent_id if tag.parent_id in ids else None, []).append(tag)
    found: list[Tag] = []
    waiting = below.get(None, [])[::-1]
    while waiting:
        tag = waiting.pop()
        found.append(tag)
        waiting.extend(below.get(tag.id, [])[::-1])
    return found


def _draw_tags(taxonomy: Taxonomy, found: list[Tag], typed: str, *, place: str) -> None:
    listed = found[:SHOWN]
    if not listed:
        hint = " Add it with 'New tag'." if typed.strip() else ""
        st.info(f"No tag is called “{session.plain(typed)}”.{hint}" if typed.strip() else "There are no such tags.")
        return
    state = session.loop().curation.health.of([tag.id for tag in listed])
    rows = [_row(taxonomy, tag, state[tag.id]) for tag in listed]
    if len({tag.category_id for tag in listed}) == 1:
        rows = [{name: cell for name, cell in row.items() if name != "Category"} for row in rows]
    chosen = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        key=f"tags_table_{place}",
        height=600,
        column_config={
            "Tag": st.column_config.TextColumn(width="medium"),
            "Precision": st.column_config.ProgressColumn(
                width="small",
                format="percent",
                min_value=0,
                max_value=1,
                help="Share of last year's suggestions that people accepted",
            ),
            "Interval": st.column_config.TextColumn(help="95 % confidence interval"),
            "New": st.column_config.NumberColumn(help=f"Added in the last {tag_health.PERIOD} days"),
            "Change": st.column_config.NumberColumn(format="%+d", help="Compared with the same period before"),
            "Disagreement": st.column_config.TextColumn(help="Share of second opinions that differed"),
        },
    )
    if len(found) > len(listed):
        st.caption(f"The first {len(listed):,} of {len(found):,}. Search, or choose a category, to see others.")
    else:
        st.caption("Click a tag to open it.")
    if picked := chosen["selection"]["cells"]:
        st.query_params["tag"] = listed[picked[0][0]].id
        st.rerun()


def _row(taxonomy: Taxonomy, tag: Tag, state: Health) -> dict[str, object]:
    depth, above = 0, taxonomy.tags.get(tag.parent_id or "")
    while above is not None and depth < 8:
        depth, above = depth + 1, taxonomy.tags.get(above.parent_id or "")
    low, high = state.interval
    marks = {"active": "", "proposed": " (proposed)"}.get(tag.state, " (not in use)")
    return {
        "Tag": "\u2003" * depth + session.tag_label(tag) + marks + (" ⚠" if tag.sensitive else ""),
        "Category": taxonomy.categories[tag.category_id].name(session.language()),
        "Pictures": state.pictures,
        "New": state.given,
        "Change": state.given - state.given_before,
        "Precision": state.precision,
        "Interval": f"{low:.0%} – {high:.0%}" if state.judged else "",
        "Judged": state.judged,
        "Disagreement": "" if state.disagreement is None else f"{state.disagreement:.0%}",
    }
