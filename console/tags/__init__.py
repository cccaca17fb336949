"""The pages of the tag library: tag list, tag detail, dialogs, proposals, compliance, import and export."""

from __future__ import annotations
