"""Where webhooks may go: the address really connected to is checked, at every connection.

A name is allowed if the administrator listed it; the numeric address that it leads to must be a public one, or lie
in a network that was listed as well. The check is made on the address that is then connected to, so a name that
answers differently the second time gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from tagging_core.errors import WebhookError

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # leads to whatever IPv4 address its last 32 bits say
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OutboundPolicy:
    """An allow list of names and networks.

    Args:
        allowed: Host names such as `cms.example.com`, addresses, and networks such as `10.1.0.0/16`.

    Raises:
        WebhookError: An entry is none of these.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]")))
            except ValueError:
                if "/" in entry or ":" in entry or not entry:
                    raise WebhookError(f"{entry!r} is no host name, address or network.") from None
                self._names.add(entry.casefold().rstrip("."))

    def require(self, host: str) -> None:
        """Refuse a host that was not listed.

        Raises:
            WebhookError: It was not.
        """
        name = host.casefold().rstrip(".").strip("[]")
        if name not in self._names and not self._in_networks(name):
            raise WebhookError(
                f"{host} is not among the targets an administrator allowed: add it to TAGLOOP_WEBHOOK_TARGETS."
            )

    def require_url(self, url: str) -> None:
        """The same for an address."""
        self.require(urlsplit(url).hostname or "")

    def resolve(self, host: str, port: int) -> str:
        """The numeric address to connect to for a host.

        Raises:
            WebhookError: The host was not listed, has no address, or leads to one that is not allowed.
        """
        self.require(host)
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise WebhookError(f"{host} has no address: {error.strerror}.") from error
        for *_, place in found:
            address = str(place[0]).split("%")[0]
            if _is_public(address) or self._in_networks(address):
                return address
        raise WebhookError(
            f"{host} leads to {found[0][4][0]}, which is no public address: if that is right, add the address or "
            "its network to TAGLOOP_WEBHOOK_TARGETS."
        )

    def _in_networks(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._networks)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_global and not address.is_multicast and address not in _TRANSLATED


class _PolicyBackend(httpcore.SyncBackend):
    """Connects to the address that was checked, and to no other."""

    def __init__(self, targets: OutboundPolicy, seconds: float) -> None:
        self._targets, self._seconds = targets, seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._targets.resolve(host, port)
        end = time.monotonic() + self._seconds
        return _DeadlineStream(super().connect_tcp(address, port, timeout, local_address, socket_options), end)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise WebhookError("Webhooks do not go through sockets of this machine.")


class _DeadlineStream(httpcore.NetworkStream):
    """A connection that ends at a given time, however slowly its other end goes on answering."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream, self._end = stream, end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left), self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left(self, error: type[Exception]) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise error("the time is up")
        return left


def outbound_client(targets: OutboundPolicy, seconds: float) -> httpx.Client:
    """An HTTP client that reaches allowed targets only, follows no redirect and uses no proxy.

    Args:
        seconds: What one call may take as a whole.
    """
    transport = httpx.HTTPTransport(trust_env=False, retries=0)
    transport._pool = httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context(),
        network_backend=_PolicyBackend(targets, seconds),
        max_keepalive_connections=0,  # every call is checked anew, and has its own time
    )
    return httpx.Client(transport=transport, timeout=seconds, follow_redirects=False, trust_env=False)


def parse_targets(text: str) -> Sequence[str]:
    """The entries of a setting, divided by commas."""
    return [entry for part in text.split(",") if (entry := part.strip())]
