"""Integrations page: API keys, webhooks and their deliveries."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from console import account, asset_history, session
from tagging_core import TaggingError
from tagging_core.api.keys import ApiKey, ApiKeys, Scope
from tagging_core.common import Action
from tagging_core.ledger import EventType
from tagging_core.ledger.webhook_outbox import Delivery, Webhook

session.guard(Action.OPERATE)
loop, user, state = session.loop(), session.current_user(), st.session_state
keys = ApiKeys(loop.database)
SCOPES = {
    Scope.READ: "Read: pictures, tags, search, exports",
    Scope.TAG: "Tag: send pictures and receive tags",
    Scope.DECIDE: "Decide: accept, reject, undo, write texts",
    Scope.HOOKS: "Webhooks: manage subscriptions",
}
KINDS = {
    EventType.BATCH_DONE: "A batch was tagged",
    EventType.ASSET_REVIEWED: "A picture's review was finished or changed",
    EventType.ASSET_REOPENED: "A finished review was undone",
    EventType.TAG_CHANGED: "A tag was added or changed",
    EventType.TAG_MERGED: "A tag was merged into another",
}
STATES = {"waiting": ":orange-badge[waiting]", "sent": ":green-badge[delivered]", "dead": ":red-badge[failed]"}
SHOWN = 50


def make_key() -> None:
    try:
        found, token = keys.create(user, state["key_name"], state["key_scopes"])
    except TaggingError as error:
        session.defer_error(error)
    else:
        state["key_made"] = (found.name, token)


def revoke(key_id: int, revoked: bool) -> None:
    keys.revoke(user, key_id, revoked)


def make_webhook() -> None:
    try:
        made = loop.webhooks.add(user, state["hook_url"].strip(), state["hook_kinds"])
    except TaggingError as error:
        session.defer_error(error)
    else:
        state["hook_made"] = made


def set_active(webhook_id: int, active: bool) -> None:
    loop.webhooks.set_active(user, webhook_id, active)


def resend(uid: str) -> None:
    loop.webhooks.replay(user, uid)


def hide(name: str) -> None:
    state.pop(name, None)


def draw_secret(title: str, secret: str, name: str) -> None:
    """Show a secret until the user confirms having copied it; it is stored nowhere else."""
    with st.container(border=True):
        st.markdown(f":material/key: **{title}.** Copy it now; it cannot be shown again.")
        st.code(secret, language=None)
        st.button("I have copied it", key=f"{name}_had", on_click=hide, args=(name,))


def draw_keys() -> None:
    st.write("A program authenticates every request with its key. Its decisions are recorded under its name.")
    with st.form("key", clear_on_submit=True):
        st.text_input("Name of the program", key="key_name", placeholder="CMS upload hook", max_chars=80)
        default = [Scope.READ, Scope.TAG]
        st.multiselect("Scopes", list(SCOPES), default, format_func=SCOPES.get, key="key_scopes")
        st.form_submit_button("Create a key", type="primary", on_click=make_key, icon=":material/key:")
    if made := state.get("key_made"):
        draw_secret(f"The key of {session.plain(made[0])}", made[1], "key_made")
    found = keys.listed()
    for key in found:
        draw_key(key)


def draw_key(key: ApiKey) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        used = f"last used {asset_history.when(key.used_at)}" if key.used_at else "never used"
        gone = f" · :red[revoked {asset_history.when(key.revoked_at)}]" if key.revoked_at else ""
        name = session.plain(key.name)
        may = ", ".join(sorted(key.scopes))
        st.markdown(
            f"**{name if not gone else f'~~{name}~~'}**  `tagloop_{key.prefix}_...`  \n:gray[{may} · {used}{gone}]",
            width="stretch",
        )
        if key.revoked_at:
            st.button("Restore", key=f"key_{key.id}", on_click=revoke, args=(key.id, False), type="tertiary")
        else:
            st.button("Revoke", key=f"key_{key.id}", on_click=revoke, args=(key.id, True), icon=":material/block:")


def draw_webhooks() -> None:
    st.write("Events are POSTed to a URL, signed with its secret, and retried until delivered.")
    if not loop.settings.webhook_targets:
        st.info(
            "No target is allowed yet: an administrator must list hosts or networks in TAGLOOP_WEBHOOK_TARGETS.",
            icon=":material/shield:",
        )
    with st.form("hook", clear_on_submit=True):
        st.text_input("URL", key="hook_url", placeholder="https://cms.example.com/hooks/tagloop")
        default = [EventType.ASSET_REVIEWED]
        st.multiselect("Events", list(KINDS), default, format_func=KINDS.get, key="hook_kinds")
        st.form_submit_button("Add", type="primary", on_click=make_webhook, icon=":material/webhook:")
    if made := state.get("hook_made"):
        draw_secret("The signing secret", made.secret, "hook_made")
    found, counts = loop.webhooks.listed(), loop.webhooks.counts()
    for webhook in found:
        draw_webhook(webhook, counts.get(webhook.id, {}))


def draw_webhook(webhook: Webhook, counts: dict[str, int]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        subscribed = ", ".join(KINDS[kind] for kind in webhook.kinds)
        n = " · ".join(f"{counts[name]:,} {badge}" for name, badge in STATES.items() if counts.get(name))
        if webhook.pause_reason:
            n += f"  \n:orange[{session.plain(webhook.pause_reason)}]"
        st.markdown(f"**{session.plain(webhook.url)}**  \n:gray[{subscribed}]  \n{n}", width="stretch")
        label = "Pause" if webhook.active else "Resume"
        st.button(label, key=f"hook_{webhook.id}", on_click=set_active, args=(webhook.id, not webhook.active))


@session.fragment(run_every="5s")
def draw_deliveries() -> None:
    chosen = st.segmented_control(
        "Show",
        ["", *STATES],
        default="",
        format_func={"": "All", "waiting": "Waiting", "sent": "Delivered", "dead": "Failed"}.get,
        key="deliveries_state",
        required=True,
        label_visibility="collapsed",
    )
    found = loop.webhooks.deliveries(state=chosen or "", limit=SHOWN)
    if not found:
        st.caption("No deliveries.")
    for delivery in found:
        draw_delivery(delivery)


def draw_delivery(delivery: Delivery) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        tried = f"{delivery.attempts} attempts" if delivery.attempts != 1 else "1 attempt"
        again = ""
        if delivery.state == "waiting" and delivery.attempts:
            due = datetime.fromtimestamp(delivery.due, UTC).replace(tzinfo=None)
            again = f", next {asset_history.when(due)}"
        note = f" · {session.plain(delivery.note)}" if delivery.note else ""
        about = ", ".join(f"{kind} {name}" for kind, name in delivery.subject.items())
        st.markdown(
            f"{STATES[delivery.state]} {delivery.kind} · {session.plain(about)}  \n"
            f":gray[:small[{asset_history.when(delivery.at)} · {tried}{again}{note}]]",
            width="stretch",
        )
        if delivery.state != "waiting":
            st.button("Send again", key=f"send_{delivery.uid}", on_click=resend, args=(delivery.uid,))


st.title("Integrations")
session.show_error()
st.markdown(
    "The REST API is documented at [/api/v1/docs](/api/v1/docs); health checks are at `/healthz` and `/readyz`."
)
for tab, draw in zip(
    st.tabs(["Keys", "Webhooks", "Deliveries", "Sessions"]),
    (draw_keys, draw_webhooks, draw_deliveries, account.draw_all_sessions),
    strict=True,
):
    with tab:
        draw()
