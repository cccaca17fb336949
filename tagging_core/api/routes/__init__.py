"""REST routes, one module per resource; each calls an operation of the same resource."""

from __future__ import annotations

from tagging_core.api.routes import assets, batches, decisions, jobs, pictures, search, tags, webhooks

ROUTERS = tuple(module.router for module in (pictures, batches, jobs, assets, decisions, tags, search, webhooks))
"""In the order of the API documentation."""
