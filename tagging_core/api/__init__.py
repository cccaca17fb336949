"""The programming interface: the same calls in process (`Calls`), over HTTP (`Client`), and the service between."""

from __future__ import annotations

from tagging_core.api.client import Client, ServiceError
from tagging_core.api.operations import Calls

__all__ = ["Calls", "Client", "ServiceError"]
