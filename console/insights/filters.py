"""Filters of the insights pages, kept in the URL so that a view can be shared, and saved views."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from console import page_paths, session
from tagging_core import TaggingError
from tagging_core.common import Period, periods
from tagging_core.ledger.rollups.content import Basis

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year", "other": "Other"}
BASES = {Basis.REVIEWED: "reviewed", Basis.UPLOADED: "uploaded", Basis.TAKEN: "taken (EXIF)"}
_GRAINS = {"auto": "Automatic", "day": "Days", "week": "Weeks", "month": "Months", "quarter": "Quarters"}
_ALL = "all"
_OF_PICTURES = ("from", "to", "tag", "what", "given", "bins", "batch", "state", "by")


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen filters; filters that a page does not offer have their defaults."""

    period: Period
    grain: str = "day"
    basis: Basis = Basis.REVIEWED
    profile: str = ""

    @property
    def buckets(self) -> list[str]:
        """First days of all buckets of the period, in order (ISO dates)."""
        return periods.buckets(self.period, self.grain)

    def query(self, **more: str) -> dict[str, str]:
        """Return the query of the Pictures page for this choice."""
        first, last = self.period.bounds
        found = {"from": first, "to": last, "on": str(self.basis), "profile": self.profile} | more
        return {name: value for name, value in found.items() if value}

    def within(self, bucket: str) -> dict[str, str]:
        """Return `from` and `to` of a bucket, clipped to the period."""
        first, last = periods.span(bucket, self.grain)
        inside = max(first, self.period.first), min(last, self.period.last)
        return {"from": inside[0].isoformat(), "to": inside[1].isoformat()}


def draw(page: str, grain: bool = False, basis: bool = False, *, profile: bool = False) -> Choice:
    """Draw the filters; the choice is written to the URL and carried over to other pages."""
    st.session_state["filter_page"] = page
    for name in _OF_PICTURES:
        st.query_params.pop(name, None)  # left over after the browser's Back button
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        period = _draw_period()
        by = _draw_select("By", "grain", _GRAINS, width=130) if grain else "auto"
        on = (
            _draw_select("On the day they were", "on", {str(k): v for k, v in BASES.items()}, width=160)
            if basis
            else ""
        )
        part = _ALL
        if profile:
            known = session.loop().taxonomy().profiles.values()
            names = {_ALL: "All profiles"} | {p.id: p.name(session.language()) for p in known}
            part = _draw_select("Profile", "profile", names, width=150)
        _draw_views(page)
    default = _default_grain(period) if by == "auto" else by
    return Choice(period, default, Basis(on or Basis.REVIEWED), "" if part == _ALL else part)


def restore(name: str, default: Any, read: Callable[[str], Any]) -> str:
    """Initialize a filter from the URL, else from the value last chosen on any page, else from `default`.

    The URL holds ids and not labels, so that it works in every language.

    Args:
        read: Parses a URL parameter; returns None if it is invalid.

    Returns:
        The key of the filter's widget.
    """
    # Keys differ by page: for one run, a key would still belong to the widget of the previous page.
    key, kept = f"filter_{name}_{st.session_state['filter_page']}", f"filter_{name}_kept"
    asked = st.query_params.get(name)
    written = st.session_state.get(f"filter_{name}_written")
    if asked is not None and asked != written and (value := read(asked)) is not None:
        st.session_state[key] = value
    elif key not in st.session_state:
        st.session_state[key] = st.session_state.get(kept, default)
    return key


def store(name: str, value: Any, text: str = "") -> None:
    """Store a filter's value for the other pages, and write it (or `text`, if given) to the URL."""
    text = text or str(value)
    st.session_state[f"filter_{name}_kept"] = value
    st.session_state[f"filter_{name}_written"] = text
    if st.query_params.get(name) != text:
        st.query_params[name] = text


def _draw_period() -> Period:
    today = session.loop().analytics.today()
    key = restore("days", "30", lambda text: text if text in SPANS else None)
    chosen = st.segmented_control(
        "Period",
        list(SPANS),
        format_func=SPANS.__getitem__,
        key=key,
        required=True,
        label_visibility="collapsed",
    )
    store("days", chosen or "30")
    if chosen != "other":
        return Period.latest(int(chosen or "30"), today)
    return _draw_other_period(today)


def _draw_other_period(today: date) -> Period:
    default = Period.latest(30, today)
    key = restore("between", (default.first, default.last), lambda text: _read_days(text, today))
    picked = st.date_input("From, to", max_value=today, key=key, width=230, label_visibility="collapsed")
    # The range is empty after it was cleared, and has one day after the first click.
    days: list[date | None] = [*(picked if isinstance(picked, tuple) else (picked,)), None, None]
    period = Period(days[0] or today, days[1] or today)
    store("between", (period.first, period.last), "_".join(period.bounds))
    return period


def _read_days(text: str, today: date) -> tuple[date, date] | None:
    try:
        first, last = sorted(min(date.fromisoformat(day), today) for day in text.split("_"))
    except ValueError:
        return None
    return first, last


def draw_number(label: str, name: str, default: float, *, note: str, step: float) -> float:
    """Draw an input for a number that is assumed; `note` is its help text."""
    key = restore(name, default, _read_number)
    chosen = st.number_input(label, 0.0, 1e9, step=step, format="%g", key=key, help=note, width=200)
    store(name, float(chosen), f"{chosen:g}")
    return float(chosen)


def _read_number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found <= 1e9 else None


def _draw_select(label: str, name: str, options: Mapping[str, str], *, width: int) -> str:
    key = restore(name, next(iter(options)), lambda text: text if text in options else None)
    if st.session_state[key] not in options:
        st.session_state[key] = next(iter(options))
    chosen = st.selectbox(label, list(options), format_func=options.__getitem__, key=key, width=width)
    store(name, chosen)
    return chosen


def _default_grain(period: Period) -> str:
    """Return the grain that gives roughly ten to forty points."""
    return next((g for g, most in (("day", 31), ("week", 200), ("month", 1500)) if period.days <= most), "quarter")


# ---- saved views ---------------------------------------------------------------------------------------------


def _draw_views(page: str) -> None:
    user = session.current_user()
    found = session.loop().analytics.views.listed(user, page)
    if removed := st.session_state.get("view_removed"):
        st.button(
            f"Restore “{session.plain(removed[1])}”",
            on_click=_remove,
            args=(removed[0], removed[1], False),
            type="tertiary",
        )
    with st.popover("Views", icon=":material/bookmark:"):
        session.show_error()
        for view in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.page_link(
                    getattr(page_paths, page.upper()),
                    label=session.plain(view.name),
                    query_params=view.address,
                    width="stretch",
                    help=f"Saved by {session.plain(view.actor)} on {view.at:%d %b %Y}",
                )
                st.button(
                    "",
                    icon=":material/delete:",
                    key=f"view_{view.id}",
                    on_click=_remove,
                    args=(view.id, view.name),
                    type="tertiary",
                    help="Remove from the list",
                )
        if not found:
            st.caption(
                "None saved yet. A view stores these filters under a name, for everyone who can see the charts."
            )
        with st.form("save_view", border=False):
            st.text_input("Name of this view", key="view_name", max_chars=120)
            st.form_submit_button("Save", on_click=_save, args=(page,))
        st.caption("The URL of this page contains the filters: copy it to share what you see.")


def _save(page: str) -> None:
    try:
        session.loop().analytics.views.save(
            session.current_user(), st.session_state["view_name"], page, address=dict(st.query_params)
        )
    except TaggingError as error:
        session.defer_error(error)
    else:
        st.session_state["view_name"] = ""


def _remove(view_id: int, name: str, removed: bool = True) -> None:
    session.loop().analytics.views.remove(session.current_user(), view_id, removed)
    st.session_state["view_removed"] = (view_id, name) if removed else None
