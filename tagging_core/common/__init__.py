"""Helpers that need no database: users and roles, periods, confidence intervals, logging, metrics."""

from __future__ import annotations
