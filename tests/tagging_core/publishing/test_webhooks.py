"""Webhooks against a real receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time

import pytest

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.curation import plans
from tagging_core.errors import NotFoundError, WebhookError
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import Delivery, EventType
from tagging_core.publishing import webhook_delivery, webhook_payloads
from tagging_core.publishing.outbound_policy import OutboundPolicy
from tagging_core.publishing.webhook_delivery import WebhookSender
from tests.conftest import RED, ingest, wait_for
from tests.tagging_core.publishing.webhook_receiver import Receiver


def subscribe(loop: Tagloop, user: User, url: str, *kinds: EventType) -> webhook_outbox.Webhook:
    with loop.database.write() as connection:
        return webhook_outbox.add(connection, user, url, kinds=kinds or tuple(EventType))


def deliveries(loop: Tagloop) -> list[Delivery]:
    with loop.database.read() as connection:
        return webhook_outbox.recent(connection)[::-1]


def make_due(loop: Tagloop) -> None:
    with loop.database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET due = 0")


def test_events_are_delivered_and_signed(loop: Tagloop, ann: User, receiver: Receiver) -> None:
    loop.resources.policy = OutboundPolicy(["127.0.0.1"])
    hook = subscribe(loop, ann, receiver.url("/hook"))
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset, "garment.dress", profile="e-commerce"))
    done = loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.ADD, asset, "colour.red", profile="e-commerce"))
    loop.review.undo(ann, done)
    loop.curation.apply(ann, plans.merge(loop.taxonomy(), "garment.hat", "garment.dress"))
    wait_for(lambda: {d.state for d in deliveries(loop)} == {"sent"})
    kinds = [json.loads(body)["type"] for _, _, body in receiver.received]
    assert kinds[:4] == ["batch.done", "asset.reviewed", "asset.reviewed", "asset.reopened"]
    assert {"tag.merged", "tag.changed"} <= set(kinds)
    for _, headers, body in receiver.received:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        key = base64.urlsafe_b64decode(hook.secret.removeprefix("whsec_") + "==")
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    merged = next(json.loads(body) for _, _, body in receiver.received if '"tag.merged"' in body)
    assert merged["data"]["tag"]["merged_into"] == "garment.dress"


def test_events_without_a_subscriber_are_not_stored(loop: Tagloop, ann: User, receiver: Receiver) -> None:
    subscribe(loop, ann, receiver.url("/hook"), EventType.TAG_MERGED)
    ingest(loop, ann, RED)
    assert deliveries(loop) == []


def test_rolled_back_events_are_not_delivered(loop: Tagloop, ann: User, receiver: Receiver) -> None:
    subscribe(loop, ann, receiver.url("/hook"))

    def fail() -> None:
        with loop.database.write() as connection:
            webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert deliveries(loop) == []


def test_failed_deliveries_are_retried_with_backoff_until_dead(
    loop: Tagloop, ann: User, receiver: Receiver, deliverer: WebhookSender
) -> None:
    subscribe(loop, ann, receiver.url("/fails"))
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
    pauses = []
    for _ in range(webhook_delivery.ATTEMPTS):
        assert deliverer.work()
        (found,) = deliveries(loop)
        pauses.append(found.due - time.time())
        assert not deliverer.work()  # not due yet
        make_due(loop)
    assert (found.state, found.attempts, found.note) == ("dead", webhook_delivery.ATTEMPTS, "status 500")
    assert pauses[:-1] == sorted(pauses[:-1])
    assert len({body for _, _, body in receiver.received}) == 1
    assert len({headers["webhook-id"] for _, headers, _ in receiver.received}) == 1
    with loop.database.write() as connection:
        webhook_outbox.replay(connection, ann, found.uid)
    assert deliverer.work()
    assert len(receiver.received) == webhook_delivery.ATTEMPTS + 1


def test_a_dead_target_with_a_long_queue_does_not_starve_the_others(
    loop: Tagloop, ann: User, receiver: Receiver, deliverer: WebhookSender
) -> None:
    subscribe(loop, ann, receiver.url("/fails"), EventType.TAG_CHANGED)
    with loop.database.write() as connection:
        for _ in range(30):
            webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
    subscribe(loop, ann, receiver.url("/hook"), EventType.TAG_MERGED)
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_MERGED, [{"tag": "garment.dress"}])
    deliverer.work()
    assert "/hook" in {path for path, _, _ in receiver.received}


def test_a_payload_that_cannot_be_built_is_a_failed_attempt(loop: Tagloop, ann: User, receiver: Receiver) -> None:
    def build(*_: object) -> dict[str, object]:
        raise NotFoundError("There is no picture 7.")

    subscribe(loop, ann, receiver.url("/hook"))
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
    WebhookSender(loop.database, OutboundPolicy(["127.0.0.1"]), build).work()
    (found,) = deliveries(loop)
    assert (found.attempts, found.note) == (1, "no payload: There is no picture 7.")


@pytest.mark.parametrize(("path", "note"), [("/moves", "redirects are not followed"), ("/fails", "status 500")])
def test_the_response_body_of_the_receiver_is_never_shown(
    loop: Tagloop, ann: User, receiver: Receiver, deliverer: WebhookSender, path: str, note: str
) -> None:
    subscribe(loop, ann, receiver.url(path))
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
    deliverer.work()
    (found,) = deliveries(loop)
    assert note in found.note
    assert "secret" not in found.note
    assert len(receiver.received) == 1


@pytest.mark.parametrize("path", ["/hangs", "/drips"])
def test_a_hanging_receiver_times_out(
    loop: Tagloop, ann: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(webhook_delivery, "_ATTEMPT_SECONDS", 0.5)
    deliverer = WebhookSender(
        loop.database,
        OutboundPolicy(["127.0.0.1"]),
        webhook_payloads.payload_builder(lambda: loop.model.library.taxonomies),
    )
    subscribe(loop, ann, receiver.url(path))
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
    start = time.monotonic()
    deliverer.work()
    assert time.monotonic() - start < 2.5
    assert "no response" in deliveries(loop)[0].note


def test_only_allowed_targets_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {
        "cms.example.com": "93.184.216.34",
        "inside.example.com": "10.1.2.3",
        "evil.example.com": "169.254.1.1",
    }

    def resolve(host: str, port: int, **_: object) -> list:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses.get(host, host), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    targets = OutboundPolicy(["cms.example.com", "inside.example.com", "evil.example.com", "10.1.0.0/16"])
    assert targets.resolve("cms.example.com", 443) == "93.184.216.34"
    assert targets.resolve("inside.example.com", 443) == "10.1.2.3"
    assert targets.resolve("10.1.9.9", 443) == "10.1.9.9"
    for host, message in (
        ("evil.example.com", "not a public address"),
        ("other.example.com", "not an allowed webhook target"),
        ("127.0.0.1", "not an allowed webhook target"),
    ):
        with pytest.raises(WebhookError, match=message):
            targets.resolve(host, 443)
    named = OutboundPolicy(["cms.example.com"])
    for address in (
        "0.0.0.0",
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "64:ff9b::7f00:1",
        "224.0.0.1",
    ):
        addresses["cms.example.com"] = address  # the same name, now resolving to another address
        with pytest.raises(WebhookError, match="not a public address"):
            named.resolve("cms.example.com", 80)


def test_an_invalid_url_is_refused(loop: Tagloop, ann: User) -> None:
    for url in ("ftp://cms/x", "http://", "nonsense", "http://user:pass@cms/x", "http://[x]/", "http://[::1"):
        with pytest.raises(TaggingError, match="not a valid webhook URL"):
            subscribe(loop, ann, url)
    with pytest.raises(TaggingError, match="not a host name"):
        OutboundPolicy(["http://cms/"])


def test_a_paused_webhook_is_delivered_only_after_it_is_resumed(
    loop: Tagloop, ann: User, receiver: Receiver, deliverer: WebhookSender
) -> None:
    hook = subscribe(loop, ann, receiver.url("/hook"))
    with loop.database.write() as connection:
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.dress"}])
        webhook_outbox.set_active(connection, ann, hook.id, active=False)
        webhook_outbox.announce(connection, EventType.TAG_CHANGED, [{"tag": "garment.hat"}])
    assert not deliverer.work()
    with loop.database.write() as connection:
        webhook_outbox.set_active(connection, ann, hook.id, active=True)
    assert deliverer.work()
    assert len(receiver.received) == 1
