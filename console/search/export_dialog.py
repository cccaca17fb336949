"""Export of search results: format, columns and a preview."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import session
from tagging_core.api import Operations
from tagging_core.publishing import Format, export
from tagging_core.publishing.exports import metadata, tables
from tagging_core.publishing.exports.exporter import ENDINGS, by_ids

_FORMS = {
    Format.CSV: "Table (CSV)",
    Format.JSON: "JSON",
    Format.JSONL: "JSON lines",
    Format.PICTURES: "Pictures with their tags (zip)",
    Format.XMP: "XMP files (zip)",
    Format.LABEL_STUDIO: "Label Studio tasks",
}
_EXPLAINED = {
    Format.PICTURES: "Copies of the originals with XMP and IPTC inside, for Lightroom, digiKam, Bridge and others. "
    "Pixels and existing metadata are kept.",
    Format.XMP: "One XMP sidecar file per picture, named as digiKam and darktable expect.",
    Format.LABEL_STUDIO: "Suggestions as predictions, decisions as annotations.",
    Format.JSON: "Everything about each picture: tags with who and when, descriptions, texts.",
    Format.JSONL: "The same, one picture per line.",
}
_PREVIEW = 5


@session.dialog("Export", width="large", icon=":material/download:")
def draw_export(asset_ids: Sequence[int]) -> None:
    """Let the user choose a format, preview it, and download the file."""
    assets, language = Operations(session.loop(), session.current_user()).assets, session.language()
    many = "picture" if len(asset_ids) == 1 else "pictures"
    form = st.selectbox("Format", list(_FORMS), format_func=_FORMS.__getitem__, key="export_form")
    columns = list(tables.USUAL)
    if form == Format.CSV:
        columns = st.multiselect("Columns", list(tables.COLUMNS), columns, key="export_columns") or columns
        first = assets.get_many(asset_ids[:_PREVIEW], language)
        st.dataframe([tables.row(asset, columns) for asset in first], hide_index=True)
        if len(asset_ids) > _PREVIEW:
            st.caption(f"The first {_PREVIEW} of {len(asset_ids)}.")
    elif form == Format.PICTURES and not metadata.can_embed():
        st.caption(f"Copies of the originals. {metadata.HOW_TO_EMBED}")
    else:
        st.caption(_EXPLAINED[form])
    ending, kind = ENDINGS[form]
    st.download_button(
        f"Export {len(asset_ids):,} {many}",
        lambda: b"".join(export(assets, by_ids(asset_ids), form, columns=columns, language=language)),
        f"tagloop.{ending}",
        kind,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
