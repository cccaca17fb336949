"""The event history of a picture, as people read it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from console import image_routes, session
from tagging_core.ledger import Event, Kind, Look, UserAction

_VERBS = {
    Kind.ACCEPT: "Accepted",
    Kind.REJECT: "Rejected",
    Kind.ADD: "Added",
    Kind.REPLACE: "Replaced",
    Kind.DONE: "Done",
    Kind.SKIP: "Skipped",
    Kind.FLAG: "Flagged",
    Kind.UNDO: "Undid",
    Kind.TEXT: "Changed the text",
    Kind.DESCRIBE: "Wrote the description",
}


def draw(asset_id: int) -> None:
    """Draw a picture, its metadata, and who decided what."""
    picture = session.loop().assets.get(asset_id)
    past = session.loop().assets.history(picture.id)
    st.html(
        f'<img src="{image_routes.thumbnail(picture)}" alt="{image_routes.alt_html(picture)}"'
        ' style="max-width:100%">'
    )
    taken = f", taken {picture.taken_at:%Y-%m-%d}" if picture.taken_at else ""
    st.markdown(f"**{session.plain(picture.name)}**  \n{picture.width} x {picture.height} {picture.format}{taken}")
    st.caption(f"Picture {picture.id}, SHA-256 {picture.sha256[:16]}..., added {when(picture.created_at)}")
    if not past:
        st.caption("No decisions yet.")
    for event, active in past:
        words = f"**{session.plain(event.actor)}** {describe(event)}"
        seconds = f" · {event.seconds:.0f} s" if event.seconds else ""
        st.markdown(f"{words if active else f'~~{words}~~'}  \n:gray[:small[{when(event.at)}{seconds}]]")


def describe(event: Event) -> str:
    """Return an event as a Markdown sentence."""
    taxonomy = session.loop().taxonomy()
    names = [
        session.plain(session.tag_label(taxonomy.tags[tag_id]) if tag_id in taxonomy.tags else tag_id)
        for tag_id in (event.tag_id, event.other_tag_id)
        if tag_id
    ]
    payload = event.payload or {}
    words = " ".join([_VERBS.get(event.kind, str(event.kind)), " by ".join(names)]).strip()
    if event.look:
        words += " (second opinion)" if event.look == Look.SECOND else " (known picture)"
    if "unseen" in payload:
        words += f" (unseen, target {payload['unseen']:.0%})"
    elif "probability" in payload:
        words += f" ({payload['probability']:.0%} shown)"
    return words + (f": {session.plain(payload['note'])}" if payload.get("note") else "")


def describe_action(action: UserAction) -> str:
    """Return an action as a Markdown sentence: of a group, what it decided on how many pictures."""
    if action.pictures < 2:
        return describe(action.latest)
    taxonomy, kinds = session.loop().taxonomy(), action.kinds
    tags = [taxonomy.tags[tag_id] for tag_id in action.tag_ids if tag_id in taxonomy.tags]
    categories = {tag.category_id for tag in tags}
    if len(tags) == 1:
        name = session.tag_label(tags[0])
    elif len(categories) == 1:
        name = taxonomy.categories[categories.pop()].name(session.language())
    else:
        name = f"{len(tags)} tags" if tags else _VERBS.get(action.latest.kind, str(action.latest.kind))
    yes, no = kinds.get(Kind.ACCEPT, 0) + kinds.get(Kind.ADD, 0), kinds.get(Kind.REJECT, 0)
    counts = [f"{yes} yes"] * bool(yes) + [f"{no} no"] * bool(no)
    return f"{session.plain(name)} on {action.pictures} pictures" + (f": {', '.join(counts)}" if counts else "")


def when(at: datetime) -> str:
    """Format a naive UTC datetime in the browser's time zone."""
    zone = st.context.timezone
    local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone) if zone else None)
    return f"{local:%d %b %Y, %H:%M}"
