"""Search filters. Their values are ids and not labels, so that a URL works in every language."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import streamlit as st

from console import session
from tagging_core.common import Period
from tagging_core.search import Filters

state = st.session_state
_STATES = {"new": "Waiting", "done": "Done", "second": "Second opinion", "skipped": "Skipped", "flagged": "Flagged"}
_NAMES = ("state", "profile", "category", "batch", "tag", "since", "until")


def read(asked: Mapping[str, str]) -> None:
    """Read the filters from URL parameters; invalid values are ignored."""
    taxonomy = session.loop().taxonomy()
    known: dict[str, Collection[str]] = {
        "state": _STATES,
        "profile": taxonomy.profiles,
        "category": taxonomy.categories,
        "tag": taxonomy.tags,
    }
    for name in _NAMES:
        text = asked.get(name, "")
        good = text in known[name] if name in known else (_is_id(text) if name == "batch" else _day(text))
        state[f"search_filter_{name}"] = text if good else ""


def draw() -> None:
    """Draw the filter widgets."""
    taxonomy, language = session.loop().taxonomy(), session.language()
    known = session.loop().ingest.batch_names()
    tags = sorted(taxonomy.active(), key=lambda t: session.tag_label(t)) if len(taxonomy.tags) <= 2_000 else []
    choices: list[tuple[str, str, dict[str, str]]] = [
        ("State", "state", _STATES),
        ("Profile", "profile", {p.id: p.name(language) for p in taxonomy.profiles.values()}),
        ("Batch", "batch", {str(i): f"{name} ({i})" for i, (name, _) in known.items()}),
        ("Has a tag in", "category", {c.id: c.name(language) for c in taxonomy.categories.values()}),
        *([("Has the tag", "tag", {t.id: session.tag_label(t) for t in tags})] if tags else []),
    ]
    for label, name, options in choices:
        kept = state.get(f"search_filter_{name}", "")
        names = [*options, *([kept] if kept and kept not in options else [])]
        chosen = st.selectbox(
            label,
            names,
            index=names.index(kept) if kept else None,
            format_func=lambda value, options=options: options.get(value, value),
            key=f"search_choose_{name}_{kept}",
            placeholder="Any",
        )
        state[f"search_filter_{name}"] = chosen or ""
    left, right = st.columns(2)
    for column, label, name in ((left, "Uploaded from", "since"), (right, "to", "until")):
        kept = state.get(f"search_filter_{name}", "")
        day = column.date_input(label, _day(kept), key=f"search_choose_{name}_{kept}")
        state[f"search_filter_{name}"] = day.isoformat() if isinstance(day, date) else ""
    st.button("Clear all", on_click=clear, disabled=not count(), type="tertiary")


def clear() -> None:
    """Remove all filters."""
    read({})


def parameters() -> dict[str, str]:
    """Return the filters as URL parameters; unset ones are empty."""
    return {name: state.get(f"search_filter_{name}", "") for name in _NAMES}


def count() -> int:
    """Return how many filters are set."""
    return sum(bool(text) for text in parameters().values())


def current() -> Filters:
    """Return the filters as the search service takes them."""
    values = parameters()
    since, until = _day(values["since"]), _day(values["until"])
    period = Period(since or date(1970, 1, 2), until or date(9998, 12, 30)) if since or until else None
    return Filters(
        (values["tag"],) if values["tag"] else (),
        values["category"],
        values["profile"],
        int(values["batch"]) if values["batch"] else None,
        period,
        values["state"],
    )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
