"""Tagloop's library: tag pictures with a model that people teach.

`Tagloop` does all of it; everything else is reached through it.
"""

from __future__ import annotations

from tagging_core.errors import TaggingError
from tagging_core.ledger import Kind
from tagging_core.people import Role, User
from tagging_core.reviewing import Decision
from tagging_core.settings import Settings, load_settings
from tagging_core.tagloop import Tagloop

__all__ = ["Decision", "Kind", "Role", "Settings", "TaggingError", "Tagloop", "User", "load_settings"]
