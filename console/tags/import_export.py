"""Export of the tag library, and import with a preview."""

from __future__ import annotations

import streamlit as st

from console import session
from console.tags import change_preview
from tagging_core import TaggingError
from tagging_core.curation import ImportPlan
from tagging_core.errors import ImportRefusedError

_FORMS = {
    "csv": ("CSV, for spreadsheets", "text/csv", "csv"),
    "json": ("JSON, complete", "application/json", "json"),
    "skos": ("SKOS, for other thesauri", "text/turtle", "ttl"),
}
_ENDS = {"csv": "csv", "txt": "csv", "json": "json", "ttl": "skos", "rdf": "skos", "xml": "skos", "jsonld": "skos"}
_READ = "import_read"


def draw() -> None:
    """Draw export and import."""
    st.markdown("**Export**")
    form = st.segmented_control(
        "Format",
        list(_FORMS),
        default="csv",
        format_func=lambda f: _FORMS[f][0],
        key="export_form",
        required=True,
        label_visibility="collapsed",
    )
    _, mime, end = _FORMS[form]
    st.download_button(
        "Download the library",
        lambda: session.loop().curation.export(form),
        file_name=f"tag-library.{end}",
        mime=mime,
        icon=":material/download:",
        on_click="ignore",
    )
    st.markdown("**Import**")
    st.caption(
        "A file adds tags and changes those with a known id; others stay. It is imported completely or not at all. "
        "CSV columns: id, category, name_en, name_zh, aliases_en, prompts, parent, state, definition ...; name_en "
        "is required, several values in a cell are separated by |."
    )
    file = st.file_uploader("File", type=list(_ENDS), key="import_file", label_visibility="collapsed")
    if file is None:
        st.session_state.pop(_READ, None)
    else:
        _draw_import(file.getvalue(), _ENDS[file.name.rpartition(".")[2].lower()], file.name)


def _draw_import(data: bytes, form: str, name: str) -> None:
    try:
        found = _read_once(data, form, name)
    except ImportRefusedError as error:
        n = len(error.problems)
        st.error(f"Nothing was imported: {n:,} bad {'row' if n == 1 else 'rows'}.", icon=":material/error:")
        rows = [{error.unit.capitalize(): n, "Problem": problem} for n, problem in error.problems.items()]
        st.dataframe(rows[:1000], hide_index=True)
        return
    except TaggingError as error:
        session.draw_error(error)
        return
    if found.notes:
        which = "row is" if len(found.notes) == 1 else "rows are"
        with st.expander(f"{len(found.notes):,} {which} imported in part or not at all"):
            st.dataframe([{"Row": n, "Why": why} for n, why in found.notes.items()], hide_index=True)
    taxonomy = session.loop().taxonomy()
    if all(taxonomy.tags.get(tag.id) == tag for tag in found.plan.tags) and not found.plan.categories:
        st.info("The library already contains all of this.")
        return
    change_preview.draw_plan(found.plan, "Import", "import_do")


def _read_once(data: bytes, form: str, name: str) -> ImportPlan:
    """Read a file when it is uploaded and when the library has changed, but not in every rerun."""
    key = (data, form, name, session.loop().taxonomy().revision)
    if st.session_state.get(_READ, (None, None))[0] != key:
        try:
            result: ImportPlan | TaggingError = session.loop().curation.read_import(data, form, name)
        except TaggingError as error:
            result = error
        st.session_state[_READ] = (key, result)
    found: ImportPlan | TaggingError = st.session_state[_READ][1]
    if isinstance(found, TaggingError):
        raise found
    return found
