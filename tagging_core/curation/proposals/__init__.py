"""Proposals: possible improvements to the tag library for its owners, with evidence."""

from __future__ import annotations

from tagging_core.curation.proposals.finder import ProposalFinder
from tagging_core.curation.proposals.store import Proposal, dismiss, listed

__all__ = ["Proposal", "ProposalFinder", "dismiss", "listed"]
