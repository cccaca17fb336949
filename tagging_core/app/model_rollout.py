"""Changing models: another one is built beside the one in use, compared, and put in its place or dropped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tagging_core import ledger
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
from tagging_core.storage.schema import assets

_log = logging.getLogger(__name__)
_MAY_STAND = (SpaceState.READY, SpaceState.KEPT)


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a family is.

    Attributes:
        title: Of its model.
        pictures: That it should know, and `missing` of them that have no vector yet.
        pending: Tags that have yet to be learned.
    """

    family: VectorSpace
    title: str
    pictures: int
    missing: int
    pending: int


class ModelRollout:
    """What operators call to change models.

    Args:
        database: The store of record.
        registry: The models.
        libraries: What they have learned.
        bind: Is called with the model that became active.
        wake: Tells the background worker that there is work.
    """

    def __init__(
        self,
        database: Database,
        registry: EncoderRegistry,
        libraries: LibraryRegistry,
        bind: Callable[[ActiveModel], None],
        wake: Callable[[], None],
    ) -> None:
        self._database, self._registry, self._libraries = database, registry, libraries
        self._bind, self._wake = bind, wake
        self._following = threading.Lock()
        self.active: ActiveModel | None = None

    def open(self, wanted: str) -> None:
        """Bind the active model; an archive without pictures takes the one that is named.

        Raises:
            EncoderError: There is no such model.
        """
        self._activate(active_model(self._database, self._registry, wanted))
        self._load_instructed()

    def follow(self) -> None:
        """Catch up with another model that a person or another process activated, and with instructions."""
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

    def _load_instructed(self) -> None:
        assert self.active is not None
        preset = self.active.preset
        with self._database.read() as connection:
            known = [s for s in spaces.list_all(connection) if s.instruction and s.model == preset.fingerprint]
        self.active.instructed = [self._libraries.of(preset, space.instruction) for space in known]

    def _changed(self) -> None:
        self.follow()
        self._wake()

    def all(self) -> list[BuildProgress]:
        """Every family and how far it is, the one in use first."""
        with self._database.read() as connection:
            return [self._progress(connection, family) for family in spaces.list_all(connection)]

    def progress(self, fingerprint: str) -> BuildProgress | None:
        """One family and how far it is, if it is known."""
        with self._database.read() as connection:
            family = spaces.find(connection, fingerprint)
            return None if family is None else self._progress(connection, family)

    def build(self, user: User, name: str) -> VectorSpace:
        """Begin to embed the archive with another model, while people go on with the one in use.

        Args:
            user: An operator.
            name: A preset, a local folder or a hub id.

        Raises:
            NotAllowedError: The user may not operate.
            EncoderError: There is no such model, or it is known already.
        """
        require(user, Action.OPERATE)
        fingerprint = self._registry.preset(name.strip()).fingerprint
        with self._database.write(durable=True) as connection:
            known = spaces.find(connection, fingerprint)
            if known is not None and known.state == SpaceState.ACTIVE:
                raise EncoderError(f"{name} is the model in use already.")
            if known is None:
                spaces.register(connection, fingerprint, name.strip(), SpaceState.BUILDING, user.name)
                self._write(connection, user, "build", fingerprint, name)
            else:  # it was stopped, or failed and is tried again, or stood before
                spaces.change(connection, fingerprint, state=SpaceState.BUILDING, note="")
        self._changed()
        return self._find(fingerprint)

    def stop(self, user: User, fingerprint: str) -> None:
        """Let a build rest; what is embedded stays."""
        require(user, Action.OPERATE)
        with self._database.write(durable=True) as connection:
            spaces.change(connection, self._find(fingerprint).fingerprint, state=SpaceState.STOPPED)

    def compare(self, fingerprint: str) -> ComparisonReport:
        """What would change if a model took the place of the one in use.

        Raises:
            NotFoundError: There is no such family.
        """
        with self._database.read() as connection:
            standing = spaces.active(connection)
        assert standing is not None
        new = self._find(fingerprint)
        return comparison.compare(
            self._database, self._libraries.of_family(standing), self._libraries.of_family(new)
        )

    def switch(self, user: User, fingerprint: str) -> None:
        """Put a model to work; the one before is kept, so that the same call leads back.

        Raises:
            NotAllowedError: The user may not operate.
            EncoderError: It is not ready.
        """
        require(user, Action.OPERATE)
        family = self._find(fingerprint)
        if family.state == SpaceState.ACTIVE:
            return
        if family.state not in _MAY_STAND or family.instruction:
            raise EncoderError(f"{family.encoder} is not ready yet: its pictures have to be embedded first.")
        if self._registry.preset(family.encoder).fingerprint != family.fingerprint:
            raise EncoderError(
                f"The files of {family.encoder} are not those that its vectors were made with. Put the old ones "
                "back, or drop it and build it anew."
            )
        with self._database.write(durable=True) as connection:
            spaces.activate(connection, fingerprint)
            self._write(connection, user, "switch", fingerprint, family.encoder)
        self._changed()

    def drop(self, user: User, fingerprint: str) -> None:
        """Forget a model's vectors and all it has learned; it can be built anew from the ledger.

        Raises:
            NotAllowedError: The user may not operate.
            EncoderError: It is in use.
        """
        require(user, Action.OPERATE)
        family = self._find(fingerprint)
        if family.state == SpaceState.ACTIVE:
            raise EncoderError(f"{family.encoder} is in use. Put another model to work first.")
        with self._database.write(durable=True) as connection:
            for other in spaces.list_all(connection):
                if other.model == family.fingerprint or other.fingerprint == fingerprint:
                    spaces.drop(connection, other.fingerprint)
                    self._libraries.forget(other.fingerprint)
            self._write(connection, user, "drop", fingerprint, family.encoder)
        self._registry.unload(family.fingerprint)
        self._changed()

    def sync_instructions(self, preset: Preset, taxonomies: TaxonomyCache) -> None:
        """Have a model told what profiles say that it is to look for, and nothing else.

        Pictures get a second vector under each instruction, for the suggestions of its profiles alone.

        Args:
            preset: The model in use.
            taxonomies: Give the profiles.
        """
        with self._database.read() as connection:
            wanted, mine = _told(connection, preset, taxonomies)
        if mine == wanted.keys():
            return
        with self._database.write() as connection:
            wanted, mine = _told(connection, preset, taxonomies)  # another process may have been faster
            for fingerprint in wanted.keys() - mine:
                text = wanted[fingerprint]
                spaces.register(connection, fingerprint, preset.name, SpaceState.BUILDING, SYSTEM.name, text)
            for fingerprint in mine - wanted.keys():
                spaces.drop(connection, fingerprint)
                self._libraries.forget(fingerprint)

    def _progress(self, connection: Connection, family: VectorSpace) -> BuildProgress:
        try:
            title = self._registry.preset(family.encoder).title
        except EncoderError:
            title = family.encoder
        missing = reembedding.missing(connection, family)
        pictures = reembedding.wanted(connection, family)
        return BuildProgress(family, title, pictures, missing, self._pending(family))

    def _pending(self, family: VectorSpace) -> int:
        try:
            return self._libraries.of_family(family).pending()
        except EncoderError:
            return 0

    def _find(self, fingerprint: str) -> VectorSpace:
        with self._database.read() as connection:
            found = spaces.find(connection, fingerprint)
        if found is None:
            raise NotFoundError(f"No model with the fingerprint {fingerprint!r} was built.")
        return found

    def _write(self, connection: Connection, user: User, act: str, fingerprint: str, name: str) -> None:
        payload = {"act": act, "fingerprint": fingerprint, "encoder": name}
        ledger.append(connection, Event(Kind.MODEL, user.name, payload=payload))


def _told(connection: Connection, preset: Preset, taxonomies: TaxonomyCache) -> tuple[dict[str, str], set[str]]:
    """What a model is to be told, by family, and the families that there are for what it is told."""
    profiles = taxonomies.load(connection).profiles.values()
    texts = [p.instruction for p in profiles if p.followed and p.instruction and preset.instructed != "none"]
    known = spaces.list_all(connection)
    mine = {f.fingerprint for f in known if f.instruction and f.model == preset.fingerprint}
    return {spaces.fingerprint_of(preset.fingerprint, text): text for text in texts}, mine


def active_model(database: Database, registry: EncoderRegistry, wanted: str) -> Preset:
    """The model in use; an archive without pictures takes the one that the settings name.

    Where the files behind its name are others than before, those are put to work: pictures are embedded anew and
    all that was decided is learned anew, since vectors of two models never meet.

    Args:
        database: The store of record.
        registry: The models.
        wanted: What the settings name.

    Raises:
        EncoderError: There is no such model.
    """
    with database.write() as connection:
        standing = spaces.active(connection)
        pictures = connection.execute(select(assets.c.id).limit(1)).first()
        name = wanted if standing is None or pictures is None else standing.encoder
        preset = registry.preset(name)
        if standing is None or standing.fingerprint != preset.fingerprint:
            if standing is not None:
                _log.warning("%s takes the place of %s", preset.fingerprint, standing.fingerprint)
            spaces.register(connection, preset.fingerprint, name, SpaceState.ACTIVE, SYSTEM.name)
            spaces.activate(connection, preset.fingerprint)
            if standing is not None and pictures is None:
                spaces.drop(connection, standing.fingerprint)
        return preset
