"""The libraries of all families, each of which every decision teaches."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import Connection, select

from tagging_core.common.throttle import Throttle
from tagging_core.embeddings import spaces
from tagging_core.embeddings.encoders import Preset
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.embeddings.spaces import SpaceState, VectorSpace
from tagging_core.learning.library import TagLibrary
from tagging_core.storage import Database
from tagging_core.storage.schema import families as family_table
from tagging_core.taxonomy.model import Profile

_log = logging.getLogger(__name__)
_AT_ONCE = 64  # tags


class LibraryRegistry:
    """Gives every family's library, which is read and taught in one place in a process.

    Args:
        database: Where everything is kept.
        registry: The models.
        throttle: Lets people go first.
    """

    def __init__(self, database: Database, registry: EncoderRegistry, throttle: Throttle) -> None:
        self._database, self._registry, self._throttle = database, registry, throttle
        self._known: dict[str, TagLibrary] = {}
        self._making = threading.Lock()

    def of(self, preset: Preset, instruction: str = "") -> TagLibrary:
        """The library of a model under an instruction; empty means the usual one."""
        fingerprint = spaces.fingerprint_of(preset.fingerprint, instruction)
        with self._making:
            if fingerprint not in self._known:
                library = TagLibrary(self._database, preset, lambda: self._registry.get(preset), instruction)
                self._known[fingerprint] = library
            return self._known[fingerprint]

    def of_family(self, family: VectorSpace) -> TagLibrary:
        """A family's library.

        Raises:
            EncoderError: There is no such model any more.
        """
        return self._known.get(family.fingerprint) or self.of(
            self._registry.preset(family.encoder), family.instruction
        )

    def instructed(
        self, connection: Connection, preset: Preset, profile: Profile
    ) -> tuple[TagLibrary, bool] | None:
        """The library of a profile's own instruction, and whether its pictures are all embedded.

        None if the model is told nothing in particular for the profile.
        """
        if not profile.followed or not profile.instruction or preset.instructed == "none":
            return None
        fingerprint = spaces.fingerprint_of(preset.fingerprint, profile.instruction)
        query = select(family_table.c.state).where(family_table.c.fingerprint == fingerprint)
        state = connection.execute(query).scalar()
        if state is None:
            return None
        return self.of(preset, profile.instruction), state == SpaceState.READY

    def teach_others(self, standing: str) -> bool:
        """Teach every family but the one in use a piece of what it lacks; whether there was any.

        One whose model cannot be loaded is noted as such, and no longer keeps the others waiting.
        """
        with self._database.read() as connection:
            known = [f for f in spaces.list_all(connection) if f.fingerprint != standing and not f.note]
        return sum(self._teach(family) for family in known if family.state != SpaceState.STOPPED) > 0

    def _teach(self, family: VectorSpace) -> bool:
        try:
            library = self.of_family(family)
            self._throttle.pause()
            if library.settle(at_most=_AT_ONCE) or library.refresh_pack():
                return True
            library.calibrate()
        except Exception as error:  # whatever another model runs into, the one in use must go on
            _log.exception("%s cannot be taught", family.fingerprint)
            with self._database.write() as connection:
                spaces.change(connection, family.fingerprint, note=spaces.error_note(error))
        return False

    def forget(self, fingerprint: str) -> None:
        """Let go of one that was dropped."""
        self._known.pop(fingerprint, None)
