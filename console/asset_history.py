"""All that happened to a picture, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from console import image_routes, session
from tagging_core.ledger.events import Event, Kind, Look

_SAID = {
    Kind.ACCEPT: "Accepted",
    Kind.REJECT: "Rejected",
    Kind.ADD: "Added",
    Kind.REPLACE: "Replaced",
    Kind.DONE: "Done",
    Kind.SKIP: "Skipped",
    Kind.FLAG: "Flagged",
    Kind.UNDO: "Took back",
    Kind.TEXT: "Changed the text",
    Kind.DESCRIBE: "Wrote the description",
}


def draw(asset_id: int) -> None:
    """Draw a picture, what is known of it, and who decided what."""
    picture = session.loop().assets.get(asset_id)
    past = session.loop().assets.history(picture.id)
    st.html(
        f'<img src="{image_routes.thumbnail(picture)}" alt="{image_routes.alternative(picture)}"'
        ' style="max-width:100%">'
    )
    taken = f", taken {picture.taken_at:%Y-%m-%d}" if picture.taken_at else ""
    st.markdown(f"**{session.plain(picture.name)}**  \n{picture.width} x {picture.height} {picture.format}{taken}")
    st.caption(f"Picture {picture.id}, SHA-256 {picture.sha256[:16]}..., here since {when(picture.created_at)}")
    if not past:
        st.caption("Nobody has decided anything about it yet.")
    for event, stands in past:
        words = f"**{session.plain(event.actor)}** {describe(event)}"
        seconds = f" · {event.seconds:.0f} s" if event.seconds else ""
        st.markdown(f"{words if stands else f'~~{words}~~'}  \n:gray[:small[{when(event.at)}{seconds}]]")


def describe(event: Event) -> str:
    """An event in words."""
    taxonomy = session.loop().taxonomy()
    names = [
        session.tag_label(taxonomy.tags[tag_id]) if tag_id in taxonomy.tags else tag_id
        for tag_id in (event.tag_id, event.other_tag_id)
        if tag_id
    ]
    payload = event.payload or {}
    words = " ".join([_SAID.get(event.kind, str(event.kind)), " by ".join(names)]).strip()
    if event.look:
        words += " (second opinion)" if event.look == Look.SECOND else " (known picture)"
    if "unseen" in payload:
        words += f" (unseen, promised {payload['unseen']:.0%})"
    elif "probability" in payload:
        words += f" ({payload['probability']:.0%} shown)"
    return words + (f": {session.plain(payload['note'])}" if payload.get("note") else "")


def when(at: datetime) -> str:
    """A moment (UTC without zone) as the browser's clock shows it."""
    zone = st.context.timezone
    local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone) if zone else None)
    return f"{local:%d %b %Y, %H:%M}"
