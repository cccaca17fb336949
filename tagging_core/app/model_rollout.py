"""Model rollout: build another model beside the active one, compare, then activate or drop it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Connection

from tagging_core import ledger
from tagging_core.app.build_progress import BuildProgress
from tagging_core.app.configured_model import active_model
from tagging_core.app.starter_offer import StarterOffer
from tagging_core.common.users import SYSTEM, Action, User, require
from tagging_core.embeddings import spaces
from tagging_core.embeddings.encoders import Preset
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.embeddings.spaces import SpaceState, VectorSpace
from tagging_core.errors import EncoderError, NotFoundError
from tagging_core.ingest import reembedding
from tagging_core.learning import comparison
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.comparison import ComparisonReport
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.ledger.events import Event, Kind
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.storage import Database

_log = logging.getLogger(__name__)
_ACTIVATABLE = (SpaceState.READY, SpaceState.KEPT)


class ModelRollout:
    """Builds, compares, activates and drops models.

    An unknown fingerprint raises NotFoundError, except in `progress`; a user who is not an admin, NotAllowedError.

    Args:
        bind: Called with the new active model.
    """

    def __init__(
        self,
        database: Database,
        registry: EncoderRegistry,
        libraries: LibraryRegistry,
        *,
        bind: Callable[[ActiveModel], None],
        wake: Callable[[], None],
    ) -> None:
        self._database, self._registry, self._libraries = database, registry, libraries
        self._bind, self._wake = bind, wake
        self._following = threading.Lock()
        self.active: ActiveModel | None = None
        self.starter = StarterOffer(database, self._bound, wake)

    def open(self, wanted: str) -> None:
        """Bind the active model.

        Args:
            wanted: Preset, folder or hub id of the configured model, used while the archive has no pictures.

        Raises:
            EncoderError: The model does not exist.
        """
        with self._database.read() as connection:
            is_new = spaces.active(connection) is None
        self._activate(active_model(self._database, self._registry, wanted))
        if is_new and self.starter.status().shipped is not None:
            self.starter.adopt(SYSTEM)
        self._load_instructed()

    def follow(self) -> None:
        """Follow activations by other processes, and changes to the instructions of profiles."""
        with self._following, self._database.read() as connection:
            active = spaces.active(connection)
            assert self.active is not None
            if active is not None and active.fingerprint != self.active.fingerprint:
                self._activate(self._registry.preset(active.encoder))
        self.sync_instructions(self.active.preset, self.active.library.taxonomies)
        self._load_instructed()

    def _activate(self, preset: Preset) -> None:
        before, self.active = self.active, ActiveModel.open(preset, self._registry, self._libraries)
        self._bind(self.active)
        if before is not None:
            _log.info("%s replaced %s as the active model", preset.fingerprint, before.fingerprint)

    def _bound(self) -> ActiveModel:
        assert self.active is not None
        return self.active

    def _load_instructed(self) -> None:
        assert self.active is not None
        preset = self.active.preset
        with self._database.read() as connection:
            mine = [s for s in spaces.list_all(connection) if s.instruction and s.model == preset.fingerprint]
        self.active.instructed = [self._libraries.of(preset, space.instruction) for space in mine]

    def _changed(self) -> None:
        self.follow()
        self._wake()

    def all(self) -> list[BuildProgress]:
        """Return the progress of every vector space.

        Returns:
            The active space first, default instructions before those of profiles, then newest first.
        """
        with self._database.read() as connection:
            return [self._progress(connection, space) for space in spaces.list_all(connection)]

    def progress(self, fingerprint: str) -> BuildProgress | None:
        """Return the progress of a vector space.

        Args:
            fingerprint: Fingerprint of the space.

        Returns:
            Its progress; None if no space has this fingerprint.
        """
        with self._database.read() as connection:
            space = spaces.find(connection, fingerprint)
            return None if space is None else self._progress(connection, space)

    def build(self, user: User, name: str) -> VectorSpace:
        """Start embedding the archive with another model in the background.

        Args:
            user: An administrator.
            name: A preset, a local folder or a hub id.

        Returns:
            The new space, or the existing one of this model, whose build resumes.

        Raises:
            EncoderError: The model does not exist, or it is the active one.
        """
        require(user, Action.OPERATE)
        fingerprint = self._registry.preset(name.strip()).fingerprint
        with self._database.write(durable=True) as connection:
            known = spaces.find(connection, fingerprint)
            if known is not None and known.state == SpaceState.ACTIVE:
                raise EncoderError(f"{name} is already the active model.")
            if known is None:
                spaces.register(connection, fingerprint, name.strip(), state=SpaceState.BUILDING, actor=user.name)
                self._write(connection, user, "build", fingerprint=fingerprint, name=name)
            else:  # stopped, failed, or active before
                spaces.change(connection, fingerprint, state=SpaceState.BUILDING, note="")
        self._changed()
        return self._find(fingerprint)

    def stop(self, user: User, fingerprint: str) -> None:
        """Pause a build; its vectors are kept, and `build` resumes it.

        Args:
            user: An administrator.
            fingerprint: Fingerprint of the space that is being built.
        """
        require(user, Action.OPERATE)
        with self._database.write(durable=True) as connection:
            spaces.change(connection, self._find(fingerprint).fingerprint, state=SpaceState.STOPPED)

    def compare(self, fingerprint: str) -> ComparisonReport:
        """Compare a model with the active one.

        Args:
            fingerprint: Fingerprint of the model's vector space.

        Returns:
            Scores of both on reviewed pictures, and the suggestions that would change.

        Raises:
            EncoderError: One of the models does not exist any more.
        """
        with self._database.read() as connection:
            active = spaces.active(connection)
        assert active is not None
        new = self._find(fingerprint)
        return comparison.compare(self._database, self._libraries.of_space(active), self._libraries.of_space(new))

    def switch(self, user: User, fingerprint: str) -> None:
        """Activate a model; the previous one is kept, so that switching back is immediate.

        Args:
            user: An administrator.
            fingerprint: Fingerprint of a space that is ready or was active before; the active one is a no-op.

        Raises:
            EncoderError: The model is not ready, or its files have changed.
        """
        require(user, Action.OPERATE)
        space = self._find(fingerprint)
        if space.state == SpaceState.ACTIVE:
            return
        if space.state not in _ACTIVATABLE or space.instruction:
            raise EncoderError(f"{space.encoder} is not ready yet: its pictures have to be embedded first.")
        if self._registry.preset(space.encoder).fingerprint != space.fingerprint:
            raise EncoderError(
                f"The files of {space.encoder} have changed since its vectors were computed. Restore the old "
                "files, or drop the model and build it again."
            )
        with self._database.write(durable=True) as connection:
            spaces.activate(connection, fingerprint)
            self._write(connection, user, "switch", fingerprint=fingerprint, name=space.encoder)
        self._changed()

    def drop(self, user: User, fingerprint: str) -> None:
        """Delete a model's vectors and everything fitted on them; `build` can compute them again.

        Args:
            user: An administrator.
            fingerprint: Fingerprint of the model's space; those of its instructions are deleted with it.

        Raises:
            EncoderError: The model is active.
        """
        require(user, Action.OPERATE)
        space = self._find(fingerprint)
        if space.state == SpaceState.ACTIVE:
            raise EncoderError(f"{space.encoder} is the active model. Activate another model first.")
        with self._database.write(durable=True) as connection:
            for other in spaces.list_all(connection):
                if other.model == space.fingerprint or other.fingerprint == fingerprint:
                    spaces.drop(connection, other.fingerprint)
                    self._libraries.forget(other.fingerprint)
            self._write(connection, user, "drop", fingerprint=fingerprint, name=space.encoder)
        self._registry.unload(space.fingerprint)
        self._changed()

    def sync_instructions(self, preset: Preset, taxonomies: TaxonomyCache) -> None:
        """Register a vector space per instruction of a profile, used for its suggestions only; drop unused ones.

        Args:
            preset: The active model.
        """
        with self._database.read() as connection:
            wanted, mine = _instruction_spaces(connection, preset, taxonomies)
        if mine == wanted.keys():
            return
        with self._database.write() as connection:
            wanted, mine = _instruction_spaces(connection, preset, taxonomies)  # may have changed since
            for fingerprint in wanted.keys() - mine:
                text = wanted[fingerprint]
                spaces.register(
                    connection,
                    fingerprint,
                    preset.name,
                    state=SpaceState.BUILDING,
                    actor=SYSTEM.name,
                    instruction=text,
                )
            for fingerprint in mine - wanted.keys():
                spaces.drop(connection, fingerprint)
                self._libraries.forget(fingerprint)

    def _progress(self, connection: Connection, space: VectorSpace) -> BuildProgress:
        try:
            title = self._registry.preset(space.encoder).title
        except EncoderError:
            title = space.encoder
        missing = reembedding.count_missing(connection, space)
        pictures = reembedding.count_members(connection, space)
        return BuildProgress(space, title, pictures, missing, self._pending(space))

    def _pending(self, space: VectorSpace) -> int:
        try:
            return self._libraries.of_space(space).pending()
        except EncoderError:
            return 0

    def _find(self, fingerprint: str) -> VectorSpace:
        with self._database.read() as connection:
            found = spaces.find(connection, fingerprint)
        if found is None:
            raise NotFoundError(f"No model with the fingerprint {fingerprint!r} has been built.")
        return found

    def _write(self, connection: Connection, user: User, change: str, *, fingerprint: str, name: str) -> None:
        payload = {"act": change, "fingerprint": fingerprint, "encoder": name}
        ledger.append(connection, Event(Kind.MODEL, user.name, payload=payload))


def _instruction_spaces(
    connection: Connection, preset: Preset, taxonomies: TaxonomyCache
) -> tuple[dict[str, str], set[str]]:
    """Return the instructions in use by fingerprint, and the fingerprints of the existing instruction spaces."""
    profiles = taxonomies.load(connection).profiles.values()
    texts = [p.instruction for p in profiles if p.followed and p.instruction and preset.instructed != "none"]
    known = spaces.list_all(connection)
    mine = {s.fingerprint for s in known if s.instruction and s.model == preset.fingerprint}
    return {spaces.fingerprint_of(preset.fingerprint, text): text for text in texts}, mine
