"""Proposals: what in the tag library deserves an owner's look, each with the evidence for it."""

from __future__ import annotations

from tagging_core.curation.proposals.proposal import Proposal, dismiss, listed
from tagging_core.curation.proposals.searcher import Searcher

__all__ = ["Proposal", "Searcher", "dismiss", "listed"]
