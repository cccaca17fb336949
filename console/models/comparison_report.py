"""Comparison of two models: accuracy on past decisions, thresholds, and suggestions gained and lost."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from console import gallery, session
from console.charts import percent
from tagging_core.assets import Asset
from tagging_core.learning.comparison import ComparisonReport, Score, TagChanges

_MAX_TAGS = 12  # shown with pictures
_MEANING = {
    "precision": ("Precision", "Share of suggestions above 50 % that people agreed with."),
    "recall": ("Recall", "Share of the tags given by people that were suggested above 50 %."),
    "average_precision": ("Average precision", "How well right tags rank above wrong ones; mean over tags."),
    "calibration": (
        "Calibration error",
        "Mean deviation of probabilities from the observed share; lower is better.",
    ),
}


def draw(found: ComparisonReport, before: str, after: str) -> None:
    """Draw a report.

    Args:
        found: The report.
        before: Title of the active model.
        after: Title of the other model.
    """
    if not found.judged:
        st.info("Accuracy cannot be compared: no finished picture is embedded by both models yet.")
    else:
        st.caption(
            f"Leave-one-out on {found.judged:,} finished pictures. "
            f"Large: {session.plain(after)}. Below: change from {session.plain(before)}, the active model."
        )
        for column, (name, (title, meaning)) in zip(st.columns(4), _MEANING.items(), strict=True):
            _draw_score(column, title, meaning, name=name, before=found.before, after=found.after)
    if found.thresholds:
        st.markdown("**Thresholds for accepting unseen at 95 % precision**")
        profiles = session.loop().taxonomy().profiles
        rows = [
            {"Profile": profiles[t.profile_id].name(session.language()), before: t.before, after: t.after}
            for t in found.thresholds
            if t.profile_id in profiles
        ]
        form = st.column_config.NumberColumn(format="percent")
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={before: form, after: form})
        st.caption("Empty: past decisions do not support this target yet.")
    _draw_tag_changes(found)


def _draw_score(
    column: DeltaGenerator, title: str, meaning: str, *, name: str, before: Score, after: Score
) -> None:
    was, now = getattr(before, name), getattr(after, name)
    change = None if was is None or now is None else f"{100 * (now - was):+.1f} points, from {percent(was, 1)}"
    better: Literal["inverse", "normal"] = "inverse" if name == "calibration" else "normal"
    column.metric(title, percent(now, 1), delta=change, delta_color=better, help=meaning)


def _draw_tag_changes(found: ComparisonReport) -> None:
    st.markdown(f"**Suggestions that would change**, among the latest {found.looked_at:,} pictures")
    if not found.moved:
        st.caption("None: both models suggest the same tags above 50 %.")
        return
    taxonomy = session.loop().taxonomy()
    shown = [moved for moved in found.moved if moved.tag_id in taxonomy.tags][:_MAX_TAGS]
    known = gallery.load([a for moved in shown for a in (*moved.gains, *moved.losses)])
    for moved in shown:
        label = session.plain(session.tag_label(taxonomy.tags[moved.tag_id]))
        with st.expander(f"{label}: {moved.gained} gained, {moved.lost} lost"):
            _draw_pictures(moved, known)
    if len(found.moved) > len(shown):
        st.caption(f"and {len(found.moved) - len(shown)} more tags that change less")


def _draw_pictures(moved: TagChanges, known: dict[int, Asset]) -> None:
    for title, pictures in (("Gained", moved.gains), ("Lost", moved.losses)):
        if pictures:
            st.caption(title)
            gallery.draw_strip([(asset_id, "") for asset_id in pictures], known=known)
