"""The search page: state, filters, actions, export."""

from __future__ import annotations
