"""The calibration of a tag library: stored in SQL, updated when decisions or fits changed what it rests on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

from sqlalchemy import Connection, func, select

from tagging_core.embeddings.encoders import LearnerDefaults
from tagging_core.learning import calibration_data
from tagging_core.learning.calibration import Calibration, fit_calibration, none_logit, read_calibration
from tagging_core.learning.calibration_data import HeldOutLogits
from tagging_core.learning.classifier import ReferencePack
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.storage import Database, key_values, upsert
from tagging_core.storage.schema import calibrations, events, learned
from tagging_core.taxonomy.model import Taxonomy


class LibraryCalibration:
    """Loads and updates the calibration of one vector space's library; safe to share between threads.

    Args:
        database: The store of record.
        fingerprint: The vector space.
        constants: The encoder's constants for the learner.
        taxonomies: Gives the taxonomy.
    """

    def __init__(
        self, database: Database, fingerprint: str, constants: LearnerDefaults, *, taxonomies: TaxonomyCache
    ) -> None:
        self._database, self._fingerprint, self._constants = database, fingerprint, constants
        self._taxonomies = taxonomies
        self._latest: tuple[int, Calibration] = (-1, Calibration())
        self._updating, self._unpacking = threading.Lock(), threading.Lock()
        self._held_out: dict[str, HeldOutLogits] = {}
        self._held_out_revision = -1

    def update(self, pack: Callable[[Connection], ReferencePack]) -> bool:
        """Recalibrate if there were decisions or fits since the last time; return whether there were."""
        with self._updating:
            with self._database.read() as connection:
                seen = self._data_version(connection)
                if self._calibration_seen(connection) == seen:
                    return False
                taxonomy = self._taxonomies.load(connection)
                nothing = self.none_logits(taxonomy, pack(connection))
                judged = calibration_data.collect(connection, taxonomy, self.held_out(connection), nothing=nothing)
            found = fit_calibration(judged)
            with self._database.write() as connection:
                same = self.load(connection) == found
                revision = self._latest[0] if same else key_values.bump(connection, key_values.LIBRARY)
                row = {"fingerprint": self._fingerprint, "revision": revision, "seen": seen}
                upsert(connection, calibrations, [row | {"parameters": asdict(found)}])
            return True

    def none_logits(self, taxonomy: Taxonomy, pack: ReferencePack) -> dict[str, float]:
        """Return the logit of "none of its tags" for each exclusive category."""
        constants = self._constants
        sizes = Counter(tag.category_id for tag in taxonomy.active())
        return {
            c.id: pack.nothing.get(c.id, none_logit(sizes[c.id], constants.prior, constants.presence))
            for c in taxonomy.categories.values()
            if c.exclusive
        }

    def held_out(self, connection: Connection) -> dict[str, HeldOutLogits]:
        """Return leave-one-out logits by tag id; only tags fitted since the last call are read."""
        query = select(learned.c.tag_id, learned.c.left_out, learned.c.revision).where(
            learned.c.fingerprint == self._fingerprint
        )
        with self._unpacking:
            rows = connection.execute(query.where(learned.c.revision > self._held_out_revision)).all()
            fresh = {row.tag_id: calibration_data.unpack_held_out(row.left_out) for row in rows}
            self._held_out_revision = max([self._held_out_revision, *(row.revision for row in rows)])
            self._held_out = self._held_out | fresh  # a new dict: other threads may iterate over the old one
            return self._held_out

    def load(self, connection: Connection) -> Calibration:
        """Return the current calibration, from memory if it has not changed."""
        mine = calibrations.c.fingerprint == self._fingerprint
        revision = connection.execute(select(calibrations.c.revision).where(mine)).scalar()
        if revision is not None and revision != self._latest[0]:
            parameters = connection.execute(select(calibrations.c.parameters).where(mine)).scalar_one()
            self._latest = (revision, read_calibration(parameters))
        return self._latest[1]

    def _data_version(self, connection: Connection) -> str:
        """Version that changes with every event and every fit."""
        event = connection.execute(select(func.max(events.c.id))).scalar()
        fitted = select(func.max(learned.c.revision)).where(learned.c.fingerprint == self._fingerprint)
        return f"{event}/{connection.execute(fitted).scalar()}"

    def _calibration_seen(self, connection: Connection) -> str:
        query = select(calibrations.c.seen).where(calibrations.c.fingerprint == self._fingerprint)
        return str(connection.execute(query).scalar() or "")
