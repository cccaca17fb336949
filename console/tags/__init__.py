"""The taxonomy pages: tag list, tag detail, dialogs, proposals."""

from __future__ import annotations
