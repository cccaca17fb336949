"""Which model is active when a process starts."""

from __future__ import annotations

import logging

from sqlalchemy import select

from tagging_core.common.users import SYSTEM
from tagging_core.embeddings import spaces
from tagging_core.embeddings.encoders import Preset
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.storage import Database
from tagging_core.storage.schema import assets

_log = logging.getLogger(__name__)


def active_model(database: Database, registry: EncoderRegistry, wanted: str) -> Preset:
    """Return the active model, or the configured one if there are no pictures; changed files make a new model."""
    with database.write() as connection:
        active = spaces.active(connection)
        pictures = connection.execute(select(assets.c.id).limit(1)).first()
        name = wanted if active is None or pictures is None else active.encoder
        preset = registry.preset(name)
        if active is None or active.fingerprint != preset.fingerprint:
            if active is not None:
                _log.warning("%s replaces %s as the active model", preset.fingerprint, active.fingerprint)
            spaces.register(connection, preset.fingerprint, name, state=SpaceState.ACTIVE, actor=SYSTEM.name)
            spaces.activate(connection, preset.fingerprint)
            if active is not None and pictures is None:
                spaces.drop(connection, active.fingerprint)
        return preset
