"""Human decisions: queue, leases, one picture at a time, many at once, undo."""

from __future__ import annotations

from tagging_core.review.acts import Act, ActKind, EditorActs
from tagging_core.review.assignment import Assigner, Assignment
from tagging_core.review.bulk_service import BulkReviewService
from tagging_core.review.card import Card
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Decision
from tagging_core.review.queue import Order, View
from tagging_core.review.sampling import SamplingRates
from tagging_core.review.service import ReviewService
from tagging_core.review.shown import Shown

__all__ = [
    "Act",
    "ActKind",
    "Assigner",
    "Assignment",
    "BulkReviewService",
    "Card",
    "Decision",
    "DecisionGroup",
    "EditorActs",
    "Order",
    "ReviewService",
    "SamplingRates",
    "Shown",
    "View",
]
