from __future__ import annotations

from tests.service import address, client, service, token

__all__ = ["address", "client", "service", "token"]
