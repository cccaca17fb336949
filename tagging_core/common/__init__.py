"""Helpers that need no database: users and roles, periods, confidence intervals, logging, metrics."""

from __future__ import annotations

from tagging_core.common import metrics
from tagging_core.common.intervals import Interval, wilson
from tagging_core.common.log_context import about
from tagging_core.common.periods import Period, bucket, buckets, day_in, span
from tagging_core.common.users import Action, Role, User, local_user, read_roles, require, signed_in_user

__all__ = [
    "Action",
    "Interval",
    "Period",
    "Role",
    "User",
    "about",
    "bucket",
    "buckets",
    "day_in",
    "local_user",
    "metrics",
    "read_roles",
    "require",
    "signed_in_user",
    "span",
    "wilson",
]
