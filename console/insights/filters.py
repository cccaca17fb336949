"""Which pictures the charts are about; in the address, so that a view can be shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from console import page_paths, session
from tagging_core import TaggingError
from tagging_core.common import periods
from tagging_core.common.periods import Period
from tagging_core.ledger.rollups.content import Basis

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year", "other": "Other"}
BASES = {Basis.REVIEWED: "reviewed", Basis.UPLOADED: "uploaded", Basis.TAKEN: "taken (EXIF)"}
_GRAINS = {"auto": "Automatic", "day": "Days", "week": "Weeks", "month": "Months", "quarter": "Quarters"}
_ALL = "all"
_OF_PICTURES = ("from", "to", "tag", "what", "given", "bins", "batch", "state", "by")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen; what a page does not ask for stays as it is."""

    period: Period
    grain: str = "day"
    basis: Basis = Basis.REVIEWED
    profile: str = ""

    @property
    def buckets(self) -> list[str]:
        """The first days of all buckets of the period, in order."""
        return periods.buckets(self.period, self.grain)

    def query(self, **more: str) -> dict[str, str]:
        """Parameters of the page of pictures for what is shown here."""
        first, last = self.period.bounds
        found = {"from": first, "to": last, "on": str(self.basis), "profile": self.profile} | more
        return {name: value for name, value in found.items() if value}

    def within(self, bucket: str) -> dict[str, str]:
        """From and to of one bucket, as far as it lies in the period."""
        first, last = periods.span(bucket, self.grain)
        inside = max(first, self.period.first), min(last, self.period.last)
        return {"from": inside[0].isoformat(), "to": inside[1].isoformat()}


def draw(page: str, grain: bool = False, basis: bool = False, profile: bool = False) -> Choice:
    """Let the reader choose; the choice is in the address, and goes along from page to page."""
    st.session_state["filter_page"] = page
    for name in _OF_PICTURES:
        st.query_params.pop(name, None)  # the browser's way back keeps them
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        period = _period()
        by = _select("By", "grain", _GRAINS, 130) if grain else "auto"
        on = _select("On the day they were", "on", {str(k): v for k, v in BASES.items()}, 160) if basis else ""
        part = _ALL
        if profile:
            known = session.loop().taxonomy().profiles.values()
            names = {_ALL: "All profiles"} | {p.id: p.name(session.language()) for p in known}
            part = _select("Profile", "profile", names, 150)
        _views(page)
    usual = _usual(period) if by == "auto" else by
    return Choice(period, usual, Basis(on or Basis.REVIEWED), "" if part == _ALL else part)


def remember(name: str, usual: Any, read: Callable[[str], Any]) -> str:
    """Let a filter start with what the address says, else what was chosen before, else the usual.

    The address holds ids and not labels, so that it means the same to a reader of another language.

    Args:
        read: The value that a text of the address stands for; None if it stands for none.

    Returns:
        The key of the filter's widget.
    """
    # A widget of another page does not answer to its key here, but is still known by it for one run.
    key, kept = f"filter_{name}_{st.session_state['filter_page']}", f"filter_{name}_kept"
    asked = st.query_params.get(name)
    told = st.session_state.get(f"filter_{name}_told")
    if asked is not None and asked != told and (value := read(asked)) is not None:
        st.session_state[key] = value
    elif key not in st.session_state:
        st.session_state[key] = st.session_state.get(kept, usual)
    return key


def keep(name: str, value: Any, text: str = "") -> None:
    """Keep a filter's value for the other pages, and write it into the address; as it is, if no text is given."""
    text = text or str(value)
    st.session_state[f"filter_{name}_kept"] = value
    st.session_state[f"filter_{name}_told"] = text
    if st.query_params.get(name) != text:
        st.query_params[name] = text


def _period() -> Period:
    today = session.loop().analytics.today()
    key = remember("days", "30", lambda text: text if text in SPANS else None)
    chosen = st.segmented_control(
        "Period",
        list(SPANS),
        format_func=SPANS.__getitem__,
        key=key,
        required=True,
        label_visibility="collapsed",
    )
    keep("days", chosen or "30")
    if chosen != "other":
        return Period.latest(int(chosen or "30"), today)
    return _other_period(today)


def _other_period(today: date) -> Period:
    usual = Period.latest(30, today)
    key = remember("between", (usual.first, usual.last), lambda text: _read_days(text, today))
    picked = st.date_input("From, to", max_value=today, key=key, width=230, label_visibility="collapsed")
    days: Sequence[date | None] = picked if isinstance(picked, tuple) else (picked,)  # one after the first click
    period = Period(days[0] or today, (days[1] if len(days) > 1 else None) or today)
    keep("between", (period.first, period.last), "_".join(period.bounds))
    return period


def _read_days(text: str, today: date) -> tuple[date, date] | None:
    try:
        first, last = sorted(min(date.fromisoformat(day), today) for day in text.split("_"))
    except ValueError:
        return None
    return first, last


def amount(label: str, name: str, usual: float, note: str, step: float) -> float:
    """Let the reader put a number in place of an assumption."""
    key = remember(name, usual, _read_amount)
    chosen = st.number_input(label, 0.0, 1e9, step=step, format="%g", key=key, help=note, width=200)
    keep(name, float(chosen), f"{chosen:g}")
    return float(chosen)


def _read_amount(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found <= 1e9 else None


def _select(label: str, name: str, options: Mapping[str, str], width: int) -> str:
    key = remember(name, next(iter(options)), lambda text: text if text in options else None)
    if st.session_state[key] not in options:
        st.session_state[key] = next(iter(options))
    chosen = st.selectbox(label, list(options), format_func=options.__getitem__, key=key, width=width)
    keep(name, chosen)
    return chosen


def _usual(period: Period) -> str:
    """The grain that shows some ten to forty points."""
    return next((g for g, most in (("day", 31), ("week", 200), ("month", 1500)) if period.days <= most), "quarter")


# ---- saved views ---------------------------------------------------------------------------------------------


def _views(page: str) -> None:
    user = session.current_user()
    found = session.loop().analytics.views.listed(user, page)
    if removed := st.session_state.get("view_removed"):
        st.button(
            f"Bring {removed[1]!r} back", on_click=_remove, args=(removed[0], removed[1], False), type="tertiary"
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
                    help="Take it off the list",
                )
        if not found:
            st.caption(
                "None saved yet. A view keeps what is chosen here, under a name that all who read charts see."
            )
        with st.form("save_view", border=False):
            st.text_input("Name of this view", key="view_name", max_chars=120)
            st.form_submit_button("Save it", on_click=_save, args=(page,))
        st.caption("The address of this page leads here as well: copy it to share what you see.")


def _save(page: str) -> None:
    try:
        session.loop().analytics.views.save(
            session.current_user(), st.session_state["view_name"], page, dict(st.query_params)
        )
    except TaggingError as error:
        session.say_error(error)
    else:
        st.session_state["view_name"] = ""


def _remove(view_id: int, name: str, removed: bool = True) -> None:
    session.loop().analytics.views.remove(session.current_user(), view_id, removed)
    st.session_state["view_removed"] = (view_id, name) if removed else None
