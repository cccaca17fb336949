"""Leaf helpers without a database: users and roles, periods, intervals, logging context, metrics."""

from __future__ import annotations
