"""What would change with another model: accuracy on past decisions, thresholds, and tags gained and lost."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from console import gallery, session
from console.charts import percent
from tagging_core.assets.repository import Asset
from tagging_core.learning.comparison import ComparisonReport, Score, TagChanges

_MOST = 12  # tags shown with pictures
_MEANING = {
    "precision": ("Precision", "Of suggestions above 50 %, the share that people agreed with."),
    "recall": ("Recall", "Of the tags that people gave, the share that was suggested above 50 %."),
    "average_precision": ("Average precision", "How well right tags come before wrong ones; the mean over tags."),
    "calibration": ("Calibration error", "How far probabilities are off on average; lower is better."),
}


def draw(found: ComparisonReport, before: str, after: str) -> None:
    """Draw a report.

    Args:
        found: The report.
        before: The model in use, as people call it.
        after: The other one.
    """
    if not found.judged:
        st.info("No picture is finished yet that both models know, so accuracy cannot be compared.")
    else:
        st.caption(
            f"On {found.judged:,} finished pictures, each judged as if its own decisions were unknown. "
            f"Large: {session.plain(after)}. Below: how that differs from {session.plain(before)}, in use."
        )
        for column, (name, (title, meaning)) in zip(st.columns(4), _MEANING.items(), strict=True):
            _draw_score(column, title, meaning, name, found.before, found.after)
    if found.thresholds:
        st.markdown("**Accepted unseen at 95 of 100 right, from which probability on**")
        profiles = session.loop().taxonomy().profiles
        rows = [
            {"Profile": profiles[t.profile_id].name(session.language()), before: t.before, after: t.after}
            for t in found.thresholds
            if t.profile_id in profiles
        ]
        form = st.column_config.NumberColumn(format="percent")
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={before: form, after: form})
        st.caption("Empty: nothing can promise it by what was decided so far.")
    _draw_moved(found)


def _draw_score(column: DeltaGenerator, title: str, meaning: str, name: str, before: Score, after: Score) -> None:
    was, now = getattr(before, name), getattr(after, name)
    change = None if was is None or now is None else f"{100 * (now - was):+.1f} points, from {percent(was, 1)}"
    better: Literal["inverse", "normal"] = "inverse" if name == "calibration" else "normal"
    column.metric(title, percent(now, 1), delta=change, delta_color=better, help=meaning)


def _draw_moved(found: ComparisonReport) -> None:
    st.markdown(f"**What would be suggested otherwise**, among the latest {found.looked_at:,} pictures")
    if not found.moved:
        st.caption("Nothing: both suggest the same tags above 50 %.")
        return
    taxonomy = session.loop().taxonomy()
    shown = [moved for moved in found.moved if moved.tag_id in taxonomy.tags][:_MOST]
    known = gallery.load([a for moved in shown for a in (*moved.gains, *moved.losses)])
    for moved in shown:
        label = session.tag_label(taxonomy.tags[moved.tag_id])
        with st.expander(f"{label}: {moved.gained} gained, {moved.lost} lost"):
            _draw_pictures(moved, known)
    if len(found.moved) > len(shown):
        st.caption(f"and {len(found.moved) - len(shown)} more tags that move less")


def _draw_pictures(moved: TagChanges, known: dict[int, Asset]) -> None:
    for title, pictures in (("Gained", moved.gains), ("Lost", moved.losses)):
        if pictures:
            st.caption(title)
            gallery.draw_strip([(asset_id, "") for asset_id in pictures], known=known)
