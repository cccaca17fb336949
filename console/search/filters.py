"""Filters of a search; their values live under ids, so that an address means the same in every language."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import streamlit as st

from console import session
from tagging_core.common.periods import Period
from tagging_core.search import Filters

state = st.session_state
_STATES = {"new": "Waiting", "done": "Done", "second": "Second opinion", "skipped": "Skipped", "flagged": "Flagged"}
_NAMES = ("state", "profile", "category", "batch", "tag", "since", "until")


def read(asked: Mapping[str, str]) -> None:
    """Take what an address says; what it cannot mean is left out."""
    taxonomy = session.loop().taxonomy()
    known: dict[str, Collection[str]] = {
        "state": _STATES,
        "profile": taxonomy.profiles,
        "category": taxonomy.categories,
        "tag": taxonomy.tags,
    }
    for name in _NAMES:
        text = asked.get(name, "")
        good = text in known[name] if name in known else (text.isdecimal() if name == "batch" else _day(text))
        state[f"search_filter_{name}"] = text if good else ""


def draw() -> None:
    """Let the reader choose."""
    taxonomy, language = session.loop().taxonomy(), session.language()
    known = session.loop().ingest.batch_names()
    tags = sorted(taxonomy.active(), key=lambda t: session.tag_label(t)) if len(taxonomy.tags) <= 2_000 else []
    choices: list[tuple[str, str, dict[str, str]]] = [
        ("State", "state", _STATES),
        ("Came in under", "profile", {p.id: p.name(language) for p in taxonomy.profiles.values()}),
        ("Batch", "batch", {str(i): f"{name} ({i})" for i, (name, _) in known.items()}),
        ("Has a tag of", "category", {c.id: c.name(language) for c in taxonomy.categories.values()}),
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
    for column, label, name in ((left, "Came in from", "since"), (right, "to", "until")):
        kept = state.get(f"search_filter_{name}", "")
        day = column.date_input(label, _day(kept), key=f"search_choose_{name}_{kept}")
        state[f"search_filter_{name}"] = day.isoformat() if isinstance(day, date) else ""
    st.button("Clear all", on_click=clear, disabled=not count(), type="tertiary")


def clear() -> None:
    """Let every picture pass again."""
    read({})


def written() -> dict[str, str]:
    """As an address has them."""
    return {name: state.get(f"search_filter_{name}", "") for name in _NAMES}


def count() -> int:
    """How many are set."""
    return sum(bool(text) for text in written().values())


def chosen() -> Filters:
    """As the core has them."""
    said = written()
    since, until = _day(said["since"]), _day(said["until"])
    period = Period(since or date(1970, 1, 2), until or date(9998, 12, 30)) if since or until else None
    return Filters(
        (said["tag"],) if said["tag"] else (),
        said["category"],
        said["profile"],
        int(said["batch"]) if said["batch"] else None,
        period,
        said["state"],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
