"""Curation: changes to the tag library that are previewed before they are applied and can be undone.

A change starts as a `Plan`. It is validated (`validation`), previewed (`impact`), applied in one transaction
(`apply`) and recorded in the ledger (`history`).
"""

from __future__ import annotations

from tagging_core.curation import backfill, plans, proposals, tag_health
from tagging_core.curation.impact import Impact
from tagging_core.curation.importer import ImportPlan
from tagging_core.curation.plans import Plan
from tagging_core.curation.service import CurationService

__all__ = [
    "CurationService",
    "Impact",
    "ImportPlan",
    "Plan",
    "backfill",
    "plans",
    "proposals",
    "tag_health",
]
