"""The search page: state, filters, callbacks and the export dialog."""

from __future__ import annotations
