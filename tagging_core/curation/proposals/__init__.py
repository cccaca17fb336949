"""Proposals: what in the tag library deserves an owner's look, each with the evidence for it."""

from __future__ import annotations

from tagging_core.curation.proposals.finder import ProposalFinder
from tagging_core.curation.proposals.store import Proposal, dismiss, listed

__all__ = ["Proposal", "ProposalFinder", "dismiss", "listed"]
