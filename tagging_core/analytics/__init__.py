"""Analytics for managers, read from rollups that are updated in the transaction of each event.

`ledger.rollups` defines the daily counts; these modules sum them over a period, so no page scans the whole ledger.
"""

from __future__ import annotations

from tagging_core.analytics import accuracy, drift, drilldown, productivity, saved_views, trends
from tagging_core.analytics.service import AnalyticsService

__all__ = [
    "AnalyticsService",
    "accuracy",
    "drift",
    "drilldown",
    "productivity",
    "saved_views",
    "trends",
]
