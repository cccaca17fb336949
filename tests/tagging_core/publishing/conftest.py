"""An independent reader of metadata, and a receiver of webhooks with their sender."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tagging_core import Tagloop
from tagging_core.publishing import webhook_payloads
from tagging_core.publishing.outbound_policy import OutboundPolicy
from tagging_core.publishing.webhook_delivery import WebhookSender
from tests.tagging_core.publishing.webhook_receiver import Receiver


@pytest.fixture(scope="session")
def exiftool() -> str:
    found = shutil.which("exiftool")
    if found is None and os.environ.get("TAGLOOP_REQUIRE_BROWSER"):
        pytest.fail("exiftool is not installed; `make browser` installs it.")
    return found or pytest.skip("exiftool is not installed")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.shutdown()


@pytest.fixture
def deliverer(loop: Tagloop) -> WebhookSender:
    return WebhookSender(
        loop.database,
        OutboundPolicy(["127.0.0.1"]),
        webhook_payloads.payload_builder(lambda: loop.model.library.taxonomies),
    )
