"""Curation: changes of the tag library whose consequences are shown first and which can be taken back.

A change is a plan (`plans`), checked against the rules (`checking`), previewed (`effects`), written as one act
(`applying`) and kept in the ledger for good (`versions`).
"""

from __future__ import annotations

from tagging_core.curation.impact import Impact
from tagging_core.curation.plans import Plan
from tagging_core.curation.service import CurationService

__all__ = ["CurationService", "Impact", "Plan"]
