"""A webhook reaches public addresses and listed networks, whatever a name resolves to and whenever that changes."""

from __future__ import annotations

import socket

import httpx
import pytest

from tagging_core.errors import WebhookError
from tagging_core.publishing.outbound_policy import OutboundPolicy, outbound_client
from tests.tagging_core.publishing.webhook_receiver import Receiver

NAME = "cms.example.com"


class Resolver:
    """Answers each query for NAME with the next of some addresses, the last one again and again."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked, self._resolve = list(answers), 0, socket.getaddrinfo

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[tuple]:
        if host != NAME:
            return self._resolve(host, port)
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "192.0.0.8",
        "192.0.0.9",
        "192.0.0.170",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::7f00:1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:0808:0808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_a_name_may_not_resolve_to_an_address_that_is_not_public(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(address))
    with pytest.raises(WebhookError, match="not a public address"):
        OutboundPolicy([NAME]).resolve(NAME, 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "192.0.1.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"])
def test_a_name_may_resolve_to_a_public_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(address))
    assert OutboundPolicy([NAME]).resolve(NAME, 443) == address


def test_a_name_that_changes_after_the_check_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    resolver = Resolver("192.0.2.1", "127.0.0.1")  # nobody answers at the first one
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    url = receiver.url("/hook").replace("127.0.0.1", NAME)
    with outbound_client(OutboundPolicy([NAME, "192.0.2.0/24"]), 0.3) as client:
        with pytest.raises(httpx.HTTPError):
            client.post(url)  # a connection to the address that was checked
        with pytest.raises(WebhookError, match=r"resolves to 127\.0\.0\.1"):
            client.post(url)
    assert resolver.asked == 2, "one query for each connection"
    assert receiver.received == []
