from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Tagloop, User
from tagging_core.api import keys
from tagging_core.api.keys import Scope
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.publishing.outbound_policy import OutboundPolicy

Open = Callable[..., AppTest]


def press(at: AppTest, label: str) -> AppTest:
    return next(b for b in at.button if b.label == label).click().run()


def test_a_key_is_shown_once_works_and_can_be_revoked(open_page: Open, console: Tagloop) -> None:
    at = open_page(page_paths.INTEGRATIONS)
    at.text_input(key="key_name").set_value("CMS")
    press(at, "Create a key")
    token = at.code[0].value
    assert keys.check(console.database, token).scopes == {Scope.READ, Scope.TAG}
    at.run()
    assert at.code[0].value == token
    press(at, "I have copied it")
    assert not at.code
    press(at, "Revoke")
    with console.database.read() as connection:
        assert keys.all_keys(connection)[0].revoked_at is not None
    press(at, "Restore")
    assert keys.check(console.database, token).name == "CMS"


def test_a_key_without_a_name_is_refused(open_page: Open) -> None:
    at = open_page(page_paths.INTEGRATIONS)
    press(at, "Create a key")
    assert "name" in at.error[0].value


def test_a_webhook_needs_an_allowed_target(open_page: Open, console: Tagloop) -> None:
    at = open_page(page_paths.INTEGRATIONS)
    assert any("TAGLOOP_WEBHOOK_TARGETS" in info.value for info in at.info)
    at.text_input(key="hook_url").set_value("http://cms.example.com/x")
    press(at, "Add")
    assert "not an allowed webhook target" in at.error[0].value
    console.webhooks._policy = OutboundPolicy(["cms.example.com"])
    at.text_input(key="hook_url").set_value("http://cms.example.com/x")
    press(at, "Add")
    assert at.code[0].value.startswith("whsec_")
    press(at, "Pause")
    with console.database.read() as connection:
        assert not webhook_outbox.all_webhooks(connection)[0].active


def test_a_failed_delivery_is_shown_and_sent_again(open_page: Open, console: Tagloop, ann: User) -> None:
    with console.database.write() as connection:
        webhook_outbox.add(connection, ann, "http://cms.example.com/x", kinds=[EventType.TAG_CHANGED])
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
        (delivery,) = webhook_outbox.recent(connection)
        webhook_outbox.settle(connection, delivery, state="dead", attempts=10, note="status 500")
    at = open_page(page_paths.INTEGRATIONS)
    assert any("status 500" in m.value for m in at.markdown)
    press(at, "Send again")
    with console.database.read() as connection:
        assert webhook_outbox.recent(connection)[0].state == "waiting"
