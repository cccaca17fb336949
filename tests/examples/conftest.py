from __future__ import annotations

import pytest

from tests.service import address, client, service, token

__all__ = ["address", "client", "service", "token"]


@pytest.fixture(autouse=True)
def targets(isolated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks may call this machine."""
    monkeypatch.setenv("TAGLOOP_WEBHOOK_TARGETS", "127.0.0.1")
