"""Overview page: a period's key figures, content and alerts on one screen."""

from __future__ import annotations

import streamlit as st

from console import charts, page_paths, session
from console.insights import category_shares, filters, help_texts, labels, report
from tagging_core.analytics import productivity, trends
from tagging_core.analytics.overview import OLD, Overview
from tagging_core.common import Action

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()
taxonomy = loop.taxonomy()
MOST = 6


def card(label: str, value: str, note: str, query: charts.Query | None, explain: str = "") -> None:
    """Draw a figure, what it is based on, and the link to its pictures."""
    with st.container(border=True, gap="xxsmall", height="stretch"):
        st.metric(label, value, help=explain or None)
        st.caption(note)
        if query is not None:
            charts.draw_link(query)


def draw_cards(found: Overview) -> None:
    now, before, truth = found.figures, found.before, found.accuracy
    unchanged, assisted = productivity.unchanged_share(now)
    with st.container(horizontal=True, gap="small"):
        card(
            "New pictures",
            f"{now['upload']:,}",
            f"{before['upload']:,} in the same period before",
            choice.query(what="upload"),
        )
        card("Finished", f"{now['done']:,}", f"{before['done']:,} in the same period before", choice.query())
        age = f"for {count(found.waited, 'day')}" if found.waited else "since today"
        waits = f"the oldest {age}" if found.oldest else "the queue is empty"
        card("Waiting", f"{found.review.waiting:,}", f"now; {waits}", {"state": "new"})
        card(
            "Accepted without change",
            charts.percent(unchanged / assisted if assisted else None),
            f"of {count(assisted, 'picture')} with suggestions",
            choice.query(what="unchanged"),
            help_texts.UNCHANGED,
        )
    with st.container(horizontal=True, gap="small"):
        for label, share, interval, n, noun, what in (
            ("Precision", truth.precision, truth.precision_interval, truth.opinions, "prediction", "wrong"),
            ("Recall", truth.recall, truth.recall_interval, truth.truths, "tag", "missed"),
        ):
            note = f"{charts.interval(*interval)}; {count(n, noun)}, {help_texts.source(truth)}"
            query = choice.query(what=f"{truth.source}.{what}")
            card(label, charts.percent(share), note if n else "nothing judged yet", query, help_texts.PRECISION)
        draw_saved(found)
        alerts = sum(found.sensitive.values()) + found.copies
        card("Sensitive, or copies", f"{alerts:,}", "pictures waiting for review", {"state": "sensitive"})


def draw_saved(found: Overview) -> None:
    saved = found.saved
    if saved is None:
        card("Hours saved", "–", "no picture timed yet", None, help_texts.TIMES)
        return
    basis = "measured" if saved.measured else "assumed"
    note = f"vs. {saved.by_hand:.0f} s per picture by hand, {basis}"
    if saved.low is not None and saved.high is not None:
        note = f"{saved.low:,.1f} to {saved.high:,.1f}; {note}"
    card("Hours saved", f"{saved.hours:,.1f}", note, choice.query(), help_texts.TIMES)


def draw_alerts(found: Overview) -> None:
    st.markdown("**Needs attention**")
    lines: list[tuple[str, str, str]] = []
    if found.drift and found.drift.alarm:
        lines.append((":material/waves:", "New pictures differ from earlier ones.", page_paths.DRIFT))
    names = labels.tags(taxonomy, [d.tag_id for d in found.drift.tags] if found.drift else [])
    for drifted in (found.drift.tags if found.drift else [])[:3]:
        if drifted.tag_id in names:
            shift = f"from {drifted.before:.0%} to {drifted.now:.0%} of new pictures"
            lines.append(
                (":material/trending_up:", f"{session.plain(names[drifted.tag_id])}: {shift}", page_paths.DRIFT)
            )
    if found.waited > OLD:
        lines.append(
            (
                ":material/hourglass:",
                f"A picture has been waiting for {count(found.waited, 'day')}.",
                page_paths.REVIEW,
            )
        )
    for tag_id, n in found.sensitive.items():
        name = session.plain(session.tag_label(taxonomy.tags[tag_id]))
        lines.append((":material/policy:", f"{name}: suggested on {count(n, 'picture')}", page_paths.COMPLIANCE))
    if found.copies:
        lines.append(
            (
                ":material/copyright:",
                f"{count(found.copies, 'copy', 'copies')} of protected pictures",
                page_paths.COMPLIANCE,
            )
        )
    if not lines:
        st.caption("Nothing: no drift, no old pictures in the queue, no sensitive suggestions.")
    for icon, text, page in lines[:MOST]:
        if page != page_paths.DRIFT and not user.may(Action.REVIEW):
            st.markdown(f"{icon} {text}")
        else:
            st.page_link(page, label=text, icon=icon)


def draw_movers(found: list[trends.ShareChange]) -> None:
    st.markdown("**What changed**")
    names = labels.tags(taxonomy, [mover.tag_id for mover in found])
    for mover in found[:MOST]:
        icon = ":material/arrow_upward:" if mover.change.value > 0 else ":material/arrow_downward:"
        st.page_link(
            page_paths.PICTURES,
            label=f"{session.plain(names[mover.tag_id])}: from {mover.before:.0%} to {mover.now:.0%}",
            icon=icon,
            query_params=choice.query(tag=mover.tag_id),
            help=f"{mover.change.low * 100:+.1f} to {mover.change.high * 100:+.1f} points",
        )
    if not found:
        st.caption(f"No tag's share changed significantly from {choice.period.before}.")


def count(n: int, noun: str, many: str = "") -> str:
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title("Overview", width="content")
    choice = filters.draw("overview")
screen = loop.analytics.overview(user, choice.period)
content = loop.analytics.content(user, choice.basis, choice.period)
earlier = loop.analytics.content(user, choice.basis, choice.period.before)
draw_cards(screen)
left, right = st.columns([3, 2], gap="medium")
with left:
    if content.tags:
        category_shares.draw(choice, content, "What the content is about", key="overview_content", height=260)
    else:
        charts.draw_empty("No picture with a tag was finished in this period. Charts appear with the first one.")
with right, st.container(border=True):
    draw_movers(trends.movers(earlier, content, taxonomy))
    draw_alerts(screen)
    report.draw_button(choice)
