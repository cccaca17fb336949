from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from console import asset_history, session
from tagging_core import TaggingError
from tagging_core.api.keys import ApiKey, ApiKeys, Scope
from tagging_core.common.users import Action
from tagging_core.ledger.webhook_outbox import Delivery, EventType, Webhook

session.guard(Action.OPERATE)
loop, user, state = session.loop(), session.current_user(), st.session_state
keys = ApiKeys(loop.database)
SCOPES = {
    Scope.READ: "Read: pictures, tags, search, exports",
    Scope.TAG: "Tag: send pictures and get tags",
    Scope.DECIDE: "Decide: accept, reject, undo, write texts",
    Scope.HOOKS: "Webhooks: say who is told what",
}
KINDS = {
    EventType.BATCH_DONE: "A batch is tagged",
    EventType.ASSET_REVIEWED: "A picture's review was finished or changed",
    EventType.ASSET_REOPENED: "A finished review was taken back",
    EventType.TAG_CHANGED: "A tag was added or changed",
    EventType.TAG_MERGED: "A tag was merged into another",
}
STATES = {"waiting": ":orange-badge[waiting]", "sent": ":green-badge[arrived]", "dead": ":red-badge[given up]"}
SHOWN = 50


def make_key() -> None:
    try:
        found, token = keys.create(user, state["key_name"], state["key_scopes"])
    except TaggingError as error:
        session.say_error(error)
    else:
        state["key_made"] = (found.name, token)


def revoke(key_id: int, revoked: bool) -> None:
    keys.revoke(user, key_id, revoked)


def make_webhook() -> None:
    try:
        made = loop.webhooks.add(user, state["hook_url"].strip(), state["hook_kinds"])
    except TaggingError as error:
        session.say_error(error)
    else:
        state["hook_made"] = made


def switch(webhook_id: int, active: bool) -> None:
    loop.webhooks.set_active(user, webhook_id, active)


def send_again(uid: str) -> None:
    loop.webhooks.replay(user, uid)


def hide(name: str) -> None:
    state.pop(name, None)


def draw_secret(title: str, secret: str, name: str) -> None:
    """It stays until its reader says that they have it: it is kept nowhere else."""
    with st.container(border=True):
        st.markdown(f":material/key: **{title}.** Copy it now; when you leave, it cannot be shown again.")
        st.code(secret, language=None)
        st.button("I have it", key=f"{name}_had", on_click=hide, args=(name,))


def draw_keys() -> None:
    st.write("A program shows its key with every request. What it decides is written down under its name.")
    with st.form("key", clear_on_submit=True):
        st.text_input("Name of the program", key="key_name", placeholder="CMS upload hook", max_chars=80)
        usual = [Scope.READ, Scope.TAG]
        st.multiselect("It may", list(SCOPES), usual, format_func=SCOPES.get, key="key_scopes")
        st.form_submit_button("Make a key", type="primary", on_click=make_key, icon=":material/key:")
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
            st.button("Allow again", key=f"key_{key.id}", on_click=revoke, args=(key.id, False), type="tertiary")
        else:
            st.button("Revoke", key=f"key_{key.id}", on_click=revoke, args=(key.id, True), icon=":material/block:")


def draw_webhooks() -> None:
    st.write("An address is told what happens, signed with its own secret, again and again until it arrives.")
    if not loop.settings.webhook_targets:
        st.info(
            "No target is allowed yet: an administrator lists hosts and networks in TAGLOOP_WEBHOOK_TARGETS.",
            icon=":material/shield:",
        )
    with st.form("hook", clear_on_submit=True):
        st.text_input("Address", key="hook_url", placeholder="https://cms.example.com/hooks/tagloop")
        usual = [EventType.ASSET_REVIEWED]
        st.multiselect("It is told when", list(KINDS), usual, format_func=KINDS.get, key="hook_kinds")
        st.form_submit_button("Add", type="primary", on_click=make_webhook, icon=":material/webhook:")
    if made := state.get("hook_made"):
        draw_secret("The secret that signs what is sent", made.secret, "hook_made")
    found, counts = loop.webhooks.listed(), loop.webhooks.counts()
    for webhook in found:
        draw_webhook(webhook, counts.get(webhook.id, {}))


def draw_webhook(webhook: Webhook, counts: dict[str, int]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        told = ", ".join(KINDS[kind] for kind in webhook.kinds)
        n = " · ".join(f"{counts[name]:,} {badge}" for name, badge in STATES.items() if counts.get(name))
        st.markdown(f"**{session.plain(webhook.url)}**  \n:gray[{told}]  \n{n}", width="stretch")
        label = "Pause" if webhook.active else "Go on"
        st.button(label, key=f"hook_{webhook.id}", on_click=switch, args=(webhook.id, not webhook.active))


@st.fragment(run_every="5s")
def draw_deliveries() -> None:
    chosen = st.segmented_control(
        "Show",
        ["", *STATES],
        default="",
        format_func={"": "All", "waiting": "Waiting", "sent": "Arrived", "dead": "Given up"}.get,
        key="deliveries_state",
        required=True,
        label_visibility="collapsed",
    )
    found = loop.webhooks.deliveries(state=chosen or "", limit=SHOWN)
    if not found:
        st.caption("Nothing of that kind.")
    for delivery in found:
        draw_delivery(delivery)


def draw_delivery(delivery: Delivery) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        tried = f"{delivery.attempts} tries" if delivery.attempts != 1 else "1 try"
        again = ""
        if delivery.state == "waiting" and delivery.attempts:
            due = datetime.fromtimestamp(delivery.due, UTC).replace(tzinfo=None)
            again = f", again {asset_history.when(due)}"
        note = f" · {session.plain(delivery.note)}" if delivery.note else ""
        about = ", ".join(f"{kind} {name}" for kind, name in delivery.subject.items())
        st.markdown(
            f"{STATES[delivery.state]} {delivery.kind} · {session.plain(about)}  \n"
            f":gray[:small[{asset_history.when(delivery.at)} · {tried}{again}{note}]]",
            width="stretch",
        )
        if delivery.state != "waiting":
            st.button("Send again", key=f"send_{delivery.uid}", on_click=send_again, args=(delivery.uid,))


st.title("Integrations")
session.show_error()
st.markdown(
    "What programs may ask for is described at [/api/v1/docs](/api/v1/docs); its health is at `/healthz` and "
    "`/readyz`."
)
for tab, draw in zip(
    st.tabs(["Keys", "Webhooks", "Deliveries"]), (draw_keys, draw_webhooks, draw_deliveries), strict=True
):
    with tab:
        draw()
