"""Tagloop's library: tag pictures with a model that people teach.

`Tagloop` does all of it; everything else is reached through it.
"""

from __future__ import annotations

from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import Role, User
from tagging_core.errors import TaggingError
from tagging_core.learning.suggestions import Suggestion
from tagging_core.ledger.events import Kind
from tagging_core.review.decisions import Decision
from tagging_core.settings import Settings, load_settings

__all__ = ["Decision", "Kind", "Role", "Settings", "Suggestion", "TaggingError", "Tagloop", "User", "load_settings"]
