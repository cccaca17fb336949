"""Accuracy page: precision, recall and calibration, over time and by tag, profile, reviewer or model."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from console import charts, page_paths, session
from console.insights import bar_charts, before_after, filters, help_texts, labels, line_charts
from tagging_core.analytics import accuracy
from tagging_core.analytics.accuracy import Outcomes
from tagging_core.common import Action
from tagging_core.ledger.rollups.tally import BLIND, SHOWN

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()
taxonomy = loop.taxonomy()
SOURCES = {BLIND: "Blind sample", SHOWN: "As shown"}
SUBJECTS = {
    "tag": "Tags",
    "category": "Categories",
    "profile": "Profiles",
    "actor": "Reviewers",
    "model": "Models",
}
FEW = 10


def draw_source(found: Outcomes) -> None:
    """Draw precision and recall of a source, each with its interval and the link to its errors."""
    st.markdown(f"**{SOURCES[found.source]}**")
    with st.container(horizontal=True):
        for label, share, interval, n, what in (
            ("Precision", found.precision, found.precision_interval, found.opinions, "wrong"),
            ("Recall", found.recall, found.recall_interval, found.truths, "missed"),
        ):
            with st.container(border=True, gap="xxsmall"):
                st.metric(label, charts.percent(share), help=help_texts.PRECISION)
                st.caption(f"{charts.interval(*interval)}; of {n:,}" if n else "nothing judged yet")
                st.page_link(
                    page_paths.PICTURES,
                    label=f"Show what was {what}",
                    icon=":material/photo_library:",
                    query_params=choice.query(what=f"{found.source}.{what}"),
                )


def draw_overall() -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        draw_source(accuracy.outcomes(totals, BLIND))
    with right:
        draw_source(accuracy.outcomes(totals, SHOWN))
    source = choose_source("accuracy_source")
    over_time = loop.analytics.accuracy_over_time(user, choice.period, choice.grain, source=source)
    table = loop.analytics.confidence_bins(user, choice.period, source)
    if table.empty:
        st.info(f"{SOURCES[source]}: nothing was judged in this period.")
        return
    judged = int((table["right"] + table["wrong"]).sum())
    subtitle = f"{judged:,} suggestions, {SOURCES[source].lower()}"
    charts.show(
        line_charts.accuracy(
            over_time,
            choice.buckets,
            choice.grain,
            links=lambda bucket: choice.query(what=f"{source}.wrong", **choice.within(bucket)),
        ),
        "Precision and recall over time",
        f"{int(over_time['opinions'].sum()):,} predictions, {SOURCES[source].lower()}; click to see the wrong ones",
        "accuracy_time",
        explain=help_texts.PRECISION,
        table=lambda: over_time,
        pictures=choice.query(what=f"{source}.wrong"),
    )
    one, two = st.columns(2, gap="medium")
    bins = accuracy.reliability(table)
    error = accuracy.calibration_error(bins)
    with one:
        charts.show(
            bar_charts.reliability(bins, lambda p: choice.query(what=source, bins=tenth(p))),
            f"Does 80% mean 80%? Off by {charts.percent(error, 1)} on average",
            subtitle,
            "accuracy_reliability",
            explain=help_texts.RELIABILITY,
            table=lambda: bins,
        )
    curve = accuracy.coverage(table)
    with two:
        charts.show(
            bar_charts.risk_coverage(curve),
            "What could be accepted unseen",
            subtitle,
            "accuracy_coverage",
            explain=help_texts.COVERAGE,
            table=lambda: curve,
        )
    draw_unseen(curve)


def draw_unseen(curve: pd.DataFrame) -> None:
    lines = []
    for target in accuracy.TARGETS:
        row = accuracy.lowest_safe_threshold(curve, target)
        if row is None:
            lines.append(f"**{target:.0%} precision:** nothing could be accepted unseen")
        else:
            lines.append(
                f"**{target:.0%} precision:** {row['coverage']:.0%} of suggestions, at {row['threshold']:.0%} "
                f"or more :gray[({charts.interval(row['low'], row['high'])} right, of {int(row['n']):,})]"
            )
    st.markdown("  \n".join(lines))


def tenth(confidence: float) -> str:
    low = min(int(confidence * 10), 9) * 10
    return f"{low}-{low + 10}"


def choose_source(key: str) -> str:
    default = accuracy.best_outcomes(totals).source
    return (
        st.segmented_control(
            "Source",
            list(SOURCES),
            default=default,
            format_func=SOURCES.get,
            key=key,
            required=True,
            label_visibility="collapsed",
        )
        or default
    )


def draw_by() -> None:
    """Draw precision and recall by tag, category, profile, reviewer or model."""
    subject = (
        st.segmented_control(
            "By",
            list(SUBJECTS),
            default="tag",
            format_func=SUBJECTS.get,
            key="of",
            required=True,
            bind="query-params",
            label_visibility="collapsed",
        )
        or "tag"
    )
    found = loop.analytics.accuracy_by(user, subject, choice.period)
    tags = labels.tags(taxonomy, found) if subject == "tag" else {}
    rows = []
    for key, kinds in found.items():
        outcomes = accuracy.best_outcomes(kinds)
        if not outcomes.opinions and not outcomes.truths:
            continue
        name = {
            "tag": lambda k: tags.get(k, k),
            "category": lambda k: labels.category(taxonomy, k),
            "profile": lambda k: labels.profile(taxonomy, k),
        }.get(subject, str)(key)
        enough = outcomes.opinions >= FEW
        rows.append(
            {
                "key": key,
                "Name": name,
                "Precision": whole(outcomes.precision) if enough else None,
                "Interval": charts.interval(*outcomes.precision_interval) if outcomes.opinions else "",
                "Predictions": outcomes.opinions,
                "Recall": whole(outcomes.recall) if outcomes.truths >= FEW else None,
                "Applies": outcomes.truths,
                "Source": SOURCES[outcomes.source],
            }
        )
    if not rows:
        st.info("Nothing was judged in this period.")
        return
    table = pd.DataFrame(rows).sort_values(
        ["Name"] if subject == "actor" else ["Predictions"], ascending=subject == "actor"
    )
    with st.container(border=True):
        charts.draw_head(
            f"Accuracy by {SUBJECTS[subject].lower()}",
            f"Shares of fewer than {FEW} cases are left out"
            + ("" if subject == "model" else "; choose a row to see the errors"),
            f"accuracy_by_{subject}",
            explain=help_texts.PRECISION + " A row uses the blind sample if that has "
            f"{accuracy.ENOUGH} predictions, else the suggestions as shown.",
            table=lambda: table.drop(columns="key"),
        )
        share = st.column_config.ProgressColumn(format="%d%%", min_value=0, max_value=100)
        picked = st.dataframe(
            table.drop(columns="key"),
            hide_index=True,
            column_config={"Precision": share, "Recall": share},
            on_select="ignore" if subject == "model" else "rerun",
            selection_mode="single-row",
            key=f"accuracy_rows_{subject}",
            height=min(560, 40 + 35 * len(table)),
        )
    for row in [] if subject == "model" else picked.selection.rows:
        chosen = table.iloc[row]
        source = BLIND if chosen["Source"] == SOURCES[BLIND] else SHOWN
        st.switch_page(
            page_paths.PICTURES, query_params=choice.query(what=f"{source}.wrong", **of(subject, chosen["key"]))
        )


def of(subject: str, key: str) -> dict[str, str]:
    """Return the query parameters that select a row's pictures."""
    if subject == "category":
        return {"tag": ",".join(tag.id for tag in taxonomy.unmerged() if tag.category_id == key)}
    return {{"tag": "tag", "profile": "profile", "actor": "by"}[subject]: key}


def whole(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def draw_confusions() -> None:
    found = loop.analytics.confusions(user, choice.period)
    if not found:
        st.info("No tags were confused in this period.")
        return
    names = labels.tags(taxonomy, [tag_id for *pair, _ in found for tag_id in pair])
    charts.show(
        bar_charts.confusions(
            [(names[a], names[b], n) for a, b, n in found],
            [choice.query(what="mistaken", tag=a, given=b) for a, b, _ in found],
        ),
        "Confused tags",
        f"{sum(n for *_, n in found):,} pictures; suggested → given instead",
        "accuracy_confusions",
        explain=help_texts.CONFUSIONS,
        table=lambda: pd.DataFrame(
            [(a, names[a], b, names[b], n) for a, b, n in found],
            columns=["suggested_id", "suggested", "given_id", "given", "pictures"],
        ),
        height=90 + 26 * len(found),
    )


st.title("Accuracy")
choice = filters.draw("accuracy", grain=True)
overall, by, confused, changes = st.tabs(
    ["Overall", "By tag, profile, person", "Taken for one another", "Before and after"],
    key="show",
    bind="query-params",
)
if overall.open:
    totals = loop.analytics.accuracy(user, choice.period)
    with overall:
        if not any(accuracy.outcomes(totals, source).truths for source in SOURCES):
            charts.draw_empty("No suggestion was judged in this period. Figures appear with the first decision.")
        else:
            draw_overall()
for tab, draw in ((by, draw_by), (confused, draw_confusions), (changes, lambda: before_after.draw(choice))):
    if tab.open:
        with tab:
            draw()
