"""Trends page: how the content changes over time, which tags occur together, and comparisons."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from console import charts, page_paths, session
from console.insights import bar_charts, category_shares, comparison, filters, help_texts, labels, line_charts
from tagging_core.analytics import trends
from tagging_core.common import Action
from tagging_core.ledger.rollups.content import Basis

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()
taxonomy = loop.taxonomy()
MOST = 12
LINES = 5


def draw_changes() -> None:
    """Draw the significant changes, and the shares of chosen tags over time."""
    earlier = loop.analytics.content(user, choice.basis, choice.period.before, part=choice.profile)
    found = trends.movers(earlier, content, taxonomy)
    names = labels.tags(taxonomy, [mover.tag_id for mover in found])
    subtitle = f"{content.total:,} finished pictures, compared with {earlier.total:,} from {choice.period.before}"
    if found:
        first = found[0]
        title = f"{names[first.tag_id]}: from {first.before:.0%} to {first.now:.0%}"
        title += f", and {len(found) - 1:,} more" if len(found) > 1 else ""
        shown = found[:MOST]
        charts.show(
            bar_charts.movers(shown, names.__getitem__, lambda tag_id: choice.query(tag=tag_id)),
            title,
            subtitle + (f"; the {MOST} largest of {len(found):,} changes" if len(found) > MOST else ""),
            "trend_movers",
            explain=help_texts.MOVERS,
            table=lambda: movers_table(found, names),
            pictures=choice.query(),
            height=90 + 26 * len(shown),
        )
    else:
        charts.draw_head(
            "No tag's share changed significantly", subtitle, "trend_movers", explain=help_texts.MOVERS
        )
    draw_lines([mover.tag_id for mover in found])


def movers_table(found: list[trends.ShareChange], names: dict[str, str]) -> pd.DataFrame:
    rows = [(m.tag_id, names[m.tag_id], m.before, m.now, m.change.low, m.change.high, m.pictures) for m in found]
    return pd.DataFrame(rows, columns=["id", "tag", "before", "now", "change_low", "change_high", "pictures"])


def draw_lines(moved: list[str]) -> None:
    given = pd.Series(content.counts(), dtype=int).sort_values(ascending=False)
    default = [t for t in [*moved, *given.index] if t in taxonomy.tags]
    groups = {f"category:{c}": f"{labels.category(taxonomy, c)} (category)" for c in taxonomy.categories}
    names = groups | labels.tags(taxonomy, [tag.id for tag in taxonomy.unmerged()])
    with st.container(border=True):
        key = filters.restore("tags", [], lambda text: [t for t in text.split(",") if t in names] or None)
        if not st.session_state[key] and not st.session_state.get("trend_tags_chosen"):
            st.session_state[key] = list(dict.fromkeys(default))[:LINES]
        chosen = st.multiselect(
            "Tags and categories over time",
            list(names),
            format_func=names.get,
            key=key,
            on_change=lambda: st.session_state.update(trend_tags_chosen=True),
            max_selections=8,
            placeholder="Choose tags or categories",
        )
        filters.store("tags", chosen, ",".join(chosen))
        if not chosen:
            st.caption("Choose tags or categories to draw.")
            return
        members = {
            names[key]: [t.id for t in taxonomy.tags.values() if t.category_id == key.removeprefix("category:")]
            if key in groups
            else [key]
            for key in chosen
        }
        back = {names[key]: key for key in chosen}
        table = trends.series(content, members, choice.grain)
        buckets = choice.buckets

        def links(group: str, bucket: str) -> dict[str, str]:
            tag = {} if back[group] in groups else {"tag": back[group]}
            return choice.query(**tag, **choice.within(bucket))

        charts.show(
            line_charts.lines(table, buckets, choice.grain, links=links, unit="pictures"),
            "Share of pictures",
            f"{content.total:,} finished pictures, by the day they were {filters.BASES[choice.basis]}",
            "trend_lines",
            explain=help_texts.SHARE,
            table=lambda: table,
            pictures=choice.query(),
        )


def draw_parts() -> None:
    """Draw categories over time, the taxonomy as a whole, and a table of all tags."""
    left, right = st.columns(2, gap="medium")
    with left:
        category_shares.draw(choice, content, "Categories over time", key="trend_categories", height=440)
    rows = sunburst_rows()
    with right:
        charts.show(
            bar_charts.sunburst(rows),
            "The whole taxonomy",
            f"{content.tags:,} tags; click a sector to zoom in",
            "trend_sunburst",
            explain="Each sector is as large as its share of all tags given. " + help_texts.PARTS,
            table=lambda: rows,
            pictures=choice.query(),
            height=440,
        )
    tags = rows[rows["id"].isin(taxonomy.tags)].nlargest(200, "n")
    with st.container(border=True):
        charts.draw_head(
            "All tags", f"of {content.total:,} finished pictures; choose one to see them", "trend_tags"
        )
        shown = tags.assign(share=100 * tags["n"] / max(1, content.total))[["name", "n", "share"]]
        picked = st.dataframe(
            shown.rename(columns={"name": "Tag", "n": "Pictures", "share": "Share"}),
            hide_index=True,
            height=300,
            column_config={"Share": st.column_config.NumberColumn(format="%.1f%%")},
            on_select="rerun",
            selection_mode="single-row",
            key="trend_tag_rows",
        )
        for row in picked.selection.rows:
            st.switch_page(page_paths.PICTURES, query_params=choice.query(tag=str(tags.iloc[row]["id"])))


def sunburst_rows() -> pd.DataFrame:
    """Return the rows of the sunburst: tags with pictures, their ancestors, and their categories."""
    counts = {t: n for t, n in content.counts().items() if t in taxonomy.tags}
    needed: dict[str, str] = {}
    for tag_id in counts:
        at: str | None = tag_id
        while at and at not in needed:
            tag = taxonomy.tags[at]
            above = tag.parent_id if tag.parent_id in taxonomy.tags else None
            needed[at] = above or f"category:{tag.category_id}"
            at = above
    names = labels.tags(taxonomy, needed)
    rows = [(tag_id, parent, names[tag_id], counts.get(tag_id, 0)) for tag_id, parent in needed.items()]
    used = {parent for parent in needed.values() if parent.startswith("category:")}
    rows += [(c, "", labels.category(taxonomy, c.removeprefix("category:")), 0) for c in sorted(used)]
    return pd.DataFrame(rows, columns=["id", "parent", "name", "n"])


def draw_together() -> None:
    table, looked_at = loop.analytics.tags_together(user, choice.profile)
    if len(table) < 2:
        st.info("This needs finished pictures with at least two tags.")
        return
    charts.show(
        bar_charts.co_occurrence(table, labels.tags(taxonomy, table.index)),
        "Which tags occur together",
        f"a random sample of {looked_at:,} finished pictures of all days; the {len(table)} most used tags",
        "trend_together",
        explain="A cell is the share of the pictures with the row's tag that also have the column's tag.",
        table=lambda: table.rename_axis("tag").reset_index(),
        height=460,
    )
    names = labels.tags(taxonomy, table.index)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair = [
            st.selectbox(label, list(names), n, format_func=names.get, key=f"together_{n}", width=240)
            for n, label in enumerate(("Pictures with", "and with"))
        ]
        st.page_link(
            page_paths.PICTURES,
            label=f"Show all pictures with both ({table.loc[pair[0], pair[1]]:,} of the sample)",
            icon=":material/photo_library:",
            query_params={"tag": ",".join(dict.fromkeys(map(str, pair))), "profile": choice.profile},
        )


st.title("Trends")
choice = filters.draw("trends", grain=True, basis=True, profile=True)
if choice.basis == Basis.TAKEN:
    st.caption("Pictures without a date taken in their file are left out.")
changed, about, pairs, compare = st.tabs(
    ["What changed", "What it is about", "Together", "Compare"], key="show", bind="query-params"
)
if changed.open or about.open:
    content = loop.analytics.content(user, choice.basis, choice.period, part=choice.profile)
    with changed if changed.open else about:
        if not content.total:
            charts.draw_empty("No picture was finished in this period. Charts appear with the first one.")
        elif changed.open:
            draw_changes()
        else:
            draw_parts()
if pairs.open:
    with pairs:
        draw_together()
if compare.open:
    with compare:
        comparison.draw(choice)
