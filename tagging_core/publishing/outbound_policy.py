"""Allow list for webhook targets, as protection against SSRF.

A host name is allowed if the administrator listed it and it resolves to a public IP address, or to one in a listed
network. The check is made on every connection, on the address actually connected to, so DNS rebinding has no
effect. Redirects are not followed.
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

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST = ipaddress.ip_network(
    "2000::/3"
)  # all that is assigned of IPv6; what embeds IPv4 elsewhere is outside of it
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "2001::/23",  # protocols, Teredo among them, which embeds an IPv4 address
        "2002::/16",  # 6to4, which embeds another
        "3fff::/20",  # documentation
        "192.0.0.0/24",  # protocols; Python takes some of them for global
        "192.88.99.0/24",  # relays of 6to4
    )
)


class OutboundPolicy:
    """An allow list of hosts and networks.

    Args:
        allowed: Host names such as `cms.example.com`, IP addresses, and networks such as `10.1.0.0/16`.

    Raises:
        WebhookError: An entry is invalid.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]")))
            except ValueError:
                if "/" in entry or ":" in entry or not entry:
                    raise WebhookError(f"{entry!r} is not a host name, IP address or network.") from None
                self._names.add(entry.casefold().rstrip("."))

    def require(self, host: str) -> None:
        """Check that a host is on the list.

        Raises:
            WebhookError: It is not.
        """
        name = host.casefold().rstrip(".").strip("[]")
        if name not in self._names and not self._in_networks(name):
            raise WebhookError(
                f"{host} is not an allowed webhook target: an administrator can add it to TAGLOOP_WEBHOOK_TARGETS."
            )

    def require_url(self, url: str) -> None:
        """Check that the host of a URL is on the list; see `require`."""
        try:
            host = urlsplit(url).hostname or ""
        except ValueError as error:
            raise WebhookError(f"{url[:200]!r} is not a valid URL: {error}.") from error
        self.require(host)

    def resolve(self, host: str, port: int) -> str:
        """Resolve a host to an allowed IP address.

        Raises:
            WebhookError: The host is not listed, does not resolve, or has no allowed address.
        """
        self.require(host)
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise WebhookError(f"{host} cannot be resolved: {error.strerror}.") from error
        for *_, endpoint in found:
            address = str(endpoint[0]).split("%")[0]
            if _is_public(address) or self._in_networks(address):
                return address
        raise WebhookError(
            f"{host} resolves to {found[0][4][0]}, which is not a public address: if that is intended, add the "
            "address or its network to TAGLOOP_WEBHOOK_TARGETS."
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
    if not address.is_global or address.is_multicast or any(address in network for network in _NOT_PUBLIC):
        return False
    return address.version == 4 or address in _UNICAST


class _PolicyBackend(httpcore.SyncBackend):
    """Connects to the checked address, without a second name resolution."""

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
        raise WebhookError("Webhooks cannot be sent to Unix sockets.")


class _DeadlineStream(httpcore.NetworkStream):
    """A connection with one deadline for the whole exchange, so that a slow receiver cannot prolong it."""

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
            raise error("the deadline has passed")
        return left


def outbound_client(targets: OutboundPolicy, seconds: float) -> httpx.Client:
    """Return an HTTP client that connects to allowed targets only, without redirects or proxies.

    Args:
        targets: The allow list.
        seconds: Deadline of a whole request.
    """
    transport = httpx.HTTPTransport(trust_env=False, retries=0)
    transport._pool = httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context(),
        network_backend=_PolicyBackend(targets, seconds),
        max_keepalive_connections=0,  # each request is checked and has its own deadline
    )
    return httpx.Client(transport=transport, timeout=seconds, follow_redirects=False, trust_env=False)


def parse_targets(text: str) -> Sequence[str]:
    """Split a comma-separated setting."""
    return [entry for part in text.split(",") if (entry := part.strip())]
