"""What a receiver answers decides when, and whether, it is called again; its library verifies what it gets."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import standardwebhooks

from tagging_core import Tagloop, User
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import Delivery, EventType, Webhook
from tagging_core.publishing.webhook_delivery import WebhookSender, sign
from tests.tagging_core.publishing.webhook_receiver import Receiver


@pytest.fixture
def hook(loop: Tagloop, ann: User, receiver: Receiver) -> Webhook:
    with loop.database.write() as connection:
        return webhook_outbox.add(connection, ann, receiver.url("/hook"), kinds=[EventType.TAG_CHANGED])


def announce(loop: Tagloop, times: int = 1) -> None:
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}] * times)


def deliveries(loop: Tagloop) -> list[Delivery]:
    return loop.webhooks.deliveries()


def test_410_pauses_the_webhook_with_its_reason(
    loop: Tagloop, ann: User, receiver: Receiver, deliverer: WebhookSender, hook: Webhook
) -> None:
    receiver.status = 410
    announce(loop, 2)
    deliverer.work()
    assert not deliverer.work()
    assert len(receiver.received) == 1
    (paused,) = loop.webhooks.listed()
    assert not paused.active
    assert "410" in paused.pause_reason
    assert [d.state for d in deliveries(loop)] == ["waiting", "dead"]
    assert "410" in deliveries(loop)[1].note
    receiver.status = 200
    assert loop.webhooks.set_active(ann, hook.id, True).pause_reason == ""
    assert deliverer.work()
    assert len(receiver.received) == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize(("asked", "waited"), [(60, 60), (1, 5), (10**7, 86_400)])
def test_retry_after_is_honoured(
    loop: Tagloop,
    receiver: Receiver,
    deliverer: WebhookSender,
    hook: Webhook,
    *,
    status: int,
    as_date: bool,
    asked: int,
    waited: int,
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=asked), usegmt=True)
    receiver.status, receiver.retry_after = status, date if as_date else str(asked)
    announce(loop)
    deliverer.work()
    (found,) = deliveries(loop)
    assert found.due - time.time() == pytest.approx(waited, abs=3)
    assert found.note == f"status {status}"


def test_no_other_delivery_of_the_webhook_is_sent_before_retry_after(
    loop: Tagloop, ann: User, receiver: Receiver, deliverer: WebhookSender, hook: Webhook
) -> None:
    receiver.status, receiver.retry_after = 429, "60"
    announce(loop, 3)
    deliverer.work()
    announce(loop)
    assert not deliverer.work()
    assert len(receiver.received) == 1
    loop.webhooks.set_active(ann, hook.id, True)  # a person may resume it sooner
    receiver.status = 200
    assert deliverer.work()
    assert len(receiver.received) == 4


@pytest.mark.parametrize("header", ["", "soon", "-1", "nan", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_without_a_valid_retry_after_the_usual_back_off_applies(
    loop: Tagloop, receiver: Receiver, deliverer: WebhookSender, hook: Webhook, header: str
) -> None:
    receiver.status, receiver.retry_after = 503, header
    announce(loop)
    deliverer.work()
    assert deliveries(loop)[0].due - time.time() == pytest.approx(5, abs=3)


def test_the_library_of_standard_webhooks_verifies_what_is_received(
    loop: Tagloop, receiver: Receiver, deliverer: WebhookSender, hook: Webhook
) -> None:
    announce(loop)
    deliverer.work()
    ((_, headers, body),) = receiver.received
    assert standardwebhooks.Webhook(hook.secret).verify(body, headers)["type"] == "tag.changed"


def test_every_new_secret_is_a_standard_one(loop: Tagloop, ann: User) -> None:
    for n in range(40):
        with loop.database.write() as connection:
            url = f"http://cms.example.com/{n}"
            secret = webhook_outbox.add(connection, ann, url, kinds=[EventType.TAG_CHANGED]).secret
        now, body = int(time.time()), json.dumps({"n": n})
        headers = {
            "webhook-id": "id",
            "webhook-timestamp": str(now),
            "webhook-signature": sign(secret, "id", now, body=body),
        }
        assert standardwebhooks.Webhook(secret).verify(body, headers) == {"n": n}


def test_an_old_url_safe_secret_signs_as_before() -> None:
    secret = "whsec_-_-_9zJfIHwlrRlOVLcUb8wBfyfGTGwBgWXTZ0yCQTQ"
    assert sign(secret, "id", 1, body="{}") == "v1,sqeCSezQdnNGUA9Q1Pw7U4jlm05G1T/ljW+Nm02yWQE="
