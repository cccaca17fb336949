"""The REST service, its client, and the same operations in process.

`Operations` runs them in this process, `Client` over HTTP; both have the same names, parameters and results.
"""

from __future__ import annotations

from tagging_core.api.client import Client, ServiceError
from tagging_core.api.operations import Operations

__all__ = ["Client", "Operations", "ServiceError"]
