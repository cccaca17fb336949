"""Accuracy before and after changes of the tag library and of the model."""

from __future__ import annotations

from itertools import pairwise

import streamlit as st

from console import charts, session
from console.insights import help_texts
from console.insights.filters import Choice
from tagging_core.analytics import accuracy, change_effects
from tagging_core.common import intervals
from tagging_core.ledger.rollups.tally import SHOWN

_FEW = 10


def draw(choice: Choice) -> None:
    """Draw precision before and after each library change and model switch."""
    loop, user = session.loop(), session.current_user()
    effects = loop.analytics.effects_of_changes(user, choice.period)
    models = loop.analytics.accuracy_by(user, "model", choice.period)
    with st.container(border=True):
        charts.draw_head(
            "Changes of the tag library",
            f"the affected tags, {change_effects.AROUND} days before and since then, as shown",
            "accuracy_changes",
            explain=help_texts.CHANGES,
        )
        if not effects:
            st.caption("The tag library was not changed in this period.")
        for effect in effects:
            before, after, change = effect.before, effect.after, effect.change
            shares = f"{charts.percent(before.precision)} of {before.opinions:,} → "
            shares += f"{charts.percent(after.precision)} of {after.opinions:,}"
            verdict = "too few to tell"
            if before.opinions >= _FEW and after.opinions >= _FEW:
                verdict = f"{change.low * 100:+.0f} to {change.high * 100:+.0f} points"
                verdict += "" if change.clear_of_zero else ", may be chance"
            title = f"**{session.plain(effect.act.title)}** :gray[{effect.act.at:%d %b %Y}]"
            st.markdown(f"{title}  \n{shares} :gray[({verdict})]")
    with st.container(border=True):
        charts.draw_head("Models", "as shown, in this period", "accuracy_models", explain=help_texts.PRECISION)
        known = [(name, accuracy.outcomes(kinds, SHOWN)) for name, kinds in models.items()]
        known = [(name, outcomes) for name, outcomes in known if outcomes.opinions]
        if not known:
            st.caption("No suggestion was judged.")
        for name, outcomes in known:
            limits = charts.interval(*outcomes.precision_interval)
            st.markdown(
                f"`{name}` {charts.percent(outcomes.precision)} right :gray[({limits}, of {outcomes.opinions:,})]"
            )
        for (old, a), (new, b) in pairwise(known):
            change = intervals.proportion_change((a.right, b.right), (a.opinions, b.opinions))
            st.caption(
                f"From `{old}` to `{new}`: {change.low * 100:+.0f} to {change.high * 100:+.0f} points of precision"
            )
