"""Accuracy of a tag: threshold and target, precision over time, and confusions."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from console import charts, gallery, session
from console.tags import change_preview
from tagging_core.common import Action
from tagging_core.curation import plans
from tagging_core.taxonomy import Tag

_TARGETS = (0.9, 0.95, 0.97, 0.99)
_USUAL = 0.97


def draw(tag: Tag) -> None:
    """Draw threshold, curve and confusions."""
    _draw_threshold(tag)
    _draw_curve(tag)
    _draw_confusions(tag)


def _draw_threshold(tag: Tag) -> None:
    loop = session.loop()
    st.markdown("**Accepting many at once**")
    if tag.sensitive:
        st.markdown("Never: the tag is sensitive, so a person looks at each picture.")
        return
    chosen = st.selectbox(
        "Target precision of suggestions accepted unseen",
        [None, *_TARGETS],
        index=[None, *_TARGETS].index(tag.target if tag.target in _TARGETS else None),
        format_func=lambda t: "As the editor chooses" if t is None else f"{t:.0%}",
        key=f"target_{tag.id}",
        width=420,
        disabled=not session.current_user().may(Action.CURATE),
    )
    if chosen != tag.target and st.button("Save this target", type="primary"):
        change_preview.apply(plans.save(loop.taxonomy(), replace(tag, target=chosen)))
        st.rerun()
    profiles = loop.taxonomy().profiles_with(tag.category_id)
    if not profiles or tag.state != "active":
        return
    target = tag.target or _USUAL
    cut = loop.review.threshold_of(tag.id, profiles[0].id, target)
    name = session.plain(profiles[0].name(session.language()))
    if cut.probability is None:
        st.markdown(
            f"At {target:.0%} in {name}, its own decisions do not allow accepting anything unseen yet. "
            f"{session.plain(cut.reason)} The threshold of all tags together applies, if there is one."
        )
    else:
        st.markdown(
            f"At {target:.0%} in {name}: at a confidence of **{cut.probability:.0%}** or more; of {cut.accepted:,} "
            f"judged suggestions above it, {cut.right:,} were right."
        )


def _draw_curve(tag: Tag) -> None:
    table = session.loop().curation.health.curve(tag.id)
    if table.empty:
        st.info("No suggestion of this tag was judged in the last half year.")
        return
    figure = go.Figure(
        go.Scatter(
            x=table["week"],
            y=table["precision"],
            mode="lines+markers",
            error_y=charts.error_bars(table["low"], table["precision"], table["high"]),
            customdata=table["judged"],
            hovertemplate="%{y:.0%} of %{customdata} judged<extra></extra>",
        )
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    figure.update_xaxes(type="category")
    judged = f"{int(table['judged'].sum()):,} judged suggestions; bars are 95 % intervals"
    charts.show(figure, "Precision by week", judged, f"curve_{tag.id}")


def _draw_confusions(tag: Tag) -> None:
    loop = session.loop()
    taxonomy = loop.taxonomy()
    found = loop.curation.proposals.confused_with(tag.id)
    if not found:
        st.markdown("**Confused with:** :gray[nothing so far]")
        return
    st.markdown("**Suggested where people gave another tag**")
    for other, asset_ids in list(found.items())[:5]:
        name = session.plain(session.tag_label(taxonomy.tags[other]))
        st.markdown(f"{name} :gray[{len(asset_ids):,} times]")
        gallery.draw_strip([(asset_id, "") for asset_id in asset_ids[:8]], width=72)
