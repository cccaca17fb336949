"""The tag libraries of all vector spaces; decisions are fitted in each of them."""

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
_MAX_TAGS = 64  # tags fitted per space and call


class LibraryRegistry:
    """Holds one tag library per vector space and process.

    Args:
        database: The store of record.
        registry: Source of the encoders.
        throttle: Pauses background fits while people work.
    """

    def __init__(self, database: Database, registry: EncoderRegistry, throttle: Throttle) -> None:
        self._database, self._registry, self._throttle = database, registry, throttle
        self._known: dict[str, TagLibrary] = {}
        self._lock = threading.Lock()

    def of(self, preset: Preset, instruction: str = "") -> TagLibrary:
        """Return the tag library of a model with an instruction, created on first use.

        Args:
            preset: The encoder's constants and fingerprint.
            instruction: A profile's instruction to the model; empty for the default.

        Returns:
            The library, the same object on every call; the encoder is not loaded.
        """
        fingerprint = spaces.fingerprint_of(preset.fingerprint, instruction)
        with self._lock:
            if fingerprint not in self._known:
                library = TagLibrary(
                    self._database, preset, lambda: self._registry.get(preset), instruction=instruction
                )
                self._known[fingerprint] = library
            return self._known[fingerprint]

    def of_space(self, space: VectorSpace) -> TagLibrary:
        """Return the tag library of a vector space.

        Args:
            space: The vector space, with the name of its encoder and its instruction.

        Returns:
            The library, the same object as `of` returns for that encoder and instruction.

        Raises:
            EncoderError: Its encoder is not available any more.
        """
        return self._known.get(space.fingerprint) or self.of(
            self._registry.preset(space.encoder), space.instruction
        )

    def instructed(
        self, connection: Connection, preset: Preset, profile: Profile
    ) -> tuple[TagLibrary, bool] | None:
        """Return the tag library of a profile's instruction.

        Args:
            connection: A read or write transaction.
            preset: The encoder's constants and fingerprint.
            profile: The profile.

        Returns:
            The library, and whether all pictures are embedded in its space. None if the profile has no instruction
            or does not use it, if the model cannot follow one, or if the space has not been created yet.
        """
        if not profile.followed or not profile.instruction or preset.instructed == "none":
            return None
        fingerprint = spaces.fingerprint_of(preset.fingerprint, profile.instruction)
        query = select(family_table.c.state).where(family_table.c.fingerprint == fingerprint)
        state = connection.execute(query).scalar()
        if state is None:
            return None
        return self.of(preset, profile.instruction), state == SpaceState.READY

    def fit_inactive(self, active: str) -> bool:
        """Fit a bounded number of dirty tags in every space but the active one.

        A space that fails gets a note and is skipped from then on, so that it does not block the others.

        Args:
            active: Fingerprint of the active vector space.

        Returns:
            Whether any space had dirty tags or an outdated reference pack, so that more work may be left.
        """
        with self._database.read() as connection:
            known = [s for s in spaces.list_all(connection) if s.fingerprint != active and not s.note]
        return sum(self._fit_some(space) for space in known if space.state != SpaceState.STOPPED) > 0

    def _fit_some(self, space: VectorSpace) -> bool:
        try:
            library = self.of_space(space)
            self._throttle.pause()
            if library.settle(at_most=_MAX_TAGS) or library.refresh_pack():
                return True
            library.calibrate()
        except Exception as error:  # a failing candidate must not stop the active model
            _log.exception("Fitting tags of vector space %s failed", space.fingerprint)
            with self._database.write() as connection:
                spaces.change(connection, space.fingerprint, note=spaces.error_note(error))
        return False

    def forget(self, fingerprint: str) -> None:
        """Drop the cached tag library of a removed vector space.

        Args:
            fingerprint: Fingerprint of the vector space; ignored if its library is not cached.
        """
        self._known.pop(fingerprint, None)
