"""The tag library: the fitted classifier of every tag, stored in SQL and cached as one matrix in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, delete, func, or_, select

from tagging_core.common import metrics
from tagging_core.embeddings import spaces
from tagging_core.embeddings.encoders import Encoder, LearnerDefaults, Preset
from tagging_core.learning import reference_pack
from tagging_core.learning.classifier import Examples, Fit, ReferencePack, measure_pack
from tagging_core.learning.library_calibration import LibraryCalibration
from tagging_core.learning.reference_pack import LibraryPacks
from tagging_core.learning.stored_fits import fit_examples, read_matrix, stored_fit
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.learning.tag_texts import TagTexts
from tagging_core.learning.training_set import TrainingExample, TrainingSetSampler
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.storage import Database, key_values, pipelined, upsert
from tagging_core.storage.schema import dirty, learned, outbox
from tagging_core.taxonomy.model import Tag, Taxonomy

_GIVE_WAY = 0.3  # maximum seconds that a background fit yields to decisions
_RENDERING = 0.1  # seconds after a decision in which the next picture is being rendered
_BATCH = 16  # tags fitted per transaction


class TagLibrary:
    """Fits and serves the classifiers of one vector space: an encoder with one instruction.

    Args:
        database: The store of record.
        preset: The encoder's constants and fingerprint.
        encoder: Returns the loaded encoder; called when a tag's text must be embedded.
        instruction: A profile's instruction to the model; empty for the default.

    Attributes:
        fingerprint: Of the vector space.
        packs: Its reference packs.
        texts: Text vectors of tags and phrases.
        pictures: Of the space whose picture vectors are read; the default one if only texts are instructed.
    """

    def __init__(
        self, database: Database, preset: Preset, encoder: Callable[[], Encoder], *, instruction: str = ""
    ) -> None:
        self._database, self._preset, self._encoder = database, preset, encoder
        self.instruction = instruction
        self.fingerprint = spaces.fingerprint_of(preset.fingerprint, instruction)
        self.pictures = preset.fingerprint if preset.instructed == "text" else self.fingerprint
        self.taxonomies = taxonomy_store.TaxonomyCache()
        self.calibration = LibraryCalibration(
            database, self.fingerprint, preset.learner, taxonomies=self.taxonomies
        )
        self.packs = LibraryPacks(self.fingerprint, preset, lambda: preset.dimension or self._encoder().dimension)
        self.texts = TagTexts(database, preset, encoder, instruction=instruction)
        self._reading = threading.Lock()
        self._urgent = 0
        self._decided = 0.0
        self._changed = False
        self._cursor = ""
        self._matrix: TagMatrix | None = None

    @property
    def defaults(self) -> LearnerDefaults:
        """The encoder's hyperparameters for the learner."""
        return self._preset.learner

    def matrix(self) -> TagMatrix:
        """Return all classifiers at the latest revision.

        Returns:
            The cached matrix, after one small query, if nothing changed; else a new one with the changed rows read.
        """
        with self._database.read() as connection:
            revision = key_values.get_int(connection, key_values.LIBRARY)
            matrix = self._matrix
            if matrix is not None and matrix.revision >= revision:
                metrics.MATRIX.labels("memory").inc()
                return matrix
            with self._reading:  # one thread reloads, the others wait for it
                matrix = self._matrix
                if matrix is None or matrix.revision < revision:
                    metrics.MATRIX.labels("database").inc()
                    matrix = self._matrix = self._read(connection, revision, matrix)
                return matrix

    def settle(
        self, only: Iterable[str] | None = None, at_most: int | None = None, taxonomy: Taxonomy | None = None
    ) -> int:
        """Fit dirty tags and move the revision; when none is left, calibrate.

        Args:
            only: The tags of a person's decision, fitted before all others; None for all dirty ones.
            at_most: Stop after about this many tags, so that a caller gets to other work while decisions pour in.
            taxonomy: The taxonomy to fit them under; the latest if None.

        Returns:
            The number of tags fitted.

        Raises:
            EncoderError: A tag's text has no embedding yet and the encoder cannot be loaded.
        """
        if only is not None:
            return self._settle_decided(sorted(set(only)), taxonomy or self._taxonomy())
        fitted = 0
        while at_most is None or fitted < at_most:
            if not (found := self._fit_next(None, give_way=True)):
                break
            fitted += found
        if at_most is None:
            self.calibrate()
        return fitted

    def _settle_decided(self, tag_ids: list[str], taxonomy: Taxonomy) -> int:
        """Fit each tag once; tags marked again meanwhile are left to the caller that marked them."""
        fitted = 0
        self._urgent += 1
        self._decided = time.monotonic()
        try:
            for start in range(0, len(tag_ids), _BATCH):
                fitted += self._fit_next(taxonomy, tag_ids[start : start + _BATCH])
        finally:
            self._urgent -= 1
            self._changed = True
        return fitted

    def calibrate(self) -> bool:
        """Calibrate again if there were decisions or fits since the last time.

        Returns:
            Whether there were any.
        """
        return self.calibration.update(self.pack)

    def pop_changed(self) -> bool:
        """Tell whether tags of a decision were fitted since the last call.

        Returns:
            Whether there were any; the next call starts from here.
        """
        changed, self._changed = self._changed, False
        return changed

    def seconds_since_decision(self) -> float:
        """Tell how long ago this process last fitted the tags of a decision.

        Returns:
            Seconds; the machine's uptime or so if it never did.
        """
        return time.monotonic() - self._decided

    def pending(self) -> int:
        """Count the dirty tags.

        Returns:
            The number of tags to be fitted again.
        """
        with self._database.read() as connection:
            mine = select(func.count()).where(dirty.c.fingerprint == self.fingerprint)
            return int(connection.execute(mine).scalar_one())

    def is_complete(self) -> bool:
        """Tell whether the library can serve suggestions for every tag.

        Returns:
            Whether every active tag has a classifier, up to date or not.
        """
        matrix = self.matrix()
        return all(tag.id in matrix.rows for tag in matrix.taxonomy.active())

    def refresh_pack(self) -> bool:
        """Measure the reference pack again if the archive has doubled and no learned starter is in force.

        Returns:
            Whether it was measured; all tags are then dirty.

        Raises:
            EncoderError: A tag's text has no embedding yet and the encoder cannot be loaded.
        """
        with self._database.read() as connection:
            pictures = reference_pack.due(connection, self.fingerprint, self.pictures)
            learned_before = bool(self.pack(connection).priors)
        taxonomy = self._taxonomy()
        if pictures is None or learned_before or not taxonomy.active():  # a starter holds for its own mean
            return False
        texts = np.stack(self.texts.of(taxonomy.active(), taxonomy))
        with self._database.write() as connection:
            pack = measure_pack(pictures, texts, self.pack(connection))
            reference_pack.save_pack(connection, self.fingerprint, pack, pictures=len(pictures))
            mark_dirty(connection, taxonomy.tags)
        return True

    def pack(self, connection: Connection) -> ReferencePack:
        """Return the reference pack in force.

        Args:
            connection: A read or write transaction.

        Returns:
            The newest pack; version 0 is the one that ships with the encoder.
        """
        return self.packs.in_force(connection)

    def _marks(self, connection: Connection, only: list[str] | None) -> tuple[dict[str, str], int | None]:
        """Some dirty tags with their marks, and the version of the pack in force."""
        query = select(dirty.c.tag_id, dirty.c.marked, self.packs.newest().label("pack"))
        query = query.where(dirty.c.fingerprint == self.fingerprint).order_by(dirty.c.tag_id).limit(_BATCH)
        if only is not None:
            found = connection.execute(query.where(dirty.c.tag_id.in_(only))).all()
        else:  # in turn: tags that are marked again and again must not keep the others waiting
            found = connection.execute(query.where(dirty.c.tag_id > self._cursor)).all()
            found = found or connection.execute(query).all()
            self._cursor = found[-1].tag_id if found else ""
        return {row.tag_id: row.marked for row in found}, found[0].pack if found else None

    def _fit_next(self, taxonomy: Taxonomy | None, only: list[str] | None = None, give_way: bool = False) -> int:
        """Fit some dirty tags and store the result; returns how many were dirty."""
        with self._database.read() as connection:
            marks, version = self._marks(connection, only)
            if not marks:
                return 0
            taxonomy = taxonomy or self.taxonomies.load(connection)  # after the marks: an older one lacks new tags
            chosen = [tag for tag in taxonomy.unmerged() if tag.id in marks]
            texts = self.texts.of(chosen, taxonomy)
            pack = self.packs.of_version(connection, version)
            sampler = TrainingSetSampler(connection, taxonomy, self.pictures, pack=pack)
            rows, end = [], time.monotonic() + _GIVE_WAY
            for tag, text in zip(chosen, texts, strict=True):
                if give_way:
                    self._wait_for_decisions(end)
                fit, usable, known = fit_examples(sampler, tag, text, pack=pack, defaults=self.defaults)
                rows.append(stored_fit(self.fingerprint, tag, fit, usable=usable, positives=known.positives))
        self._store(marks, rows)
        return len(marks)

    def _store(self, marks: dict[str, str], rows: list[dict[str, Any]]) -> None:
        """Store fits whose marks are unchanged: another fit has seen decisions that a changed mark stands for."""
        with self._database.write() as connection:
            same = [and_(dirty.c.tag_id == tag_id, dirty.c.marked == mark) for tag_id, mark in marks.items()]
            marked = delete(dirty).where(dirty.c.fingerprint == self.fingerprint, or_(*same))
            mine = set(connection.execute(marked.returning(dirty.c.tag_id)).scalars())
            revision = key_values.bump(connection, key_values.LIBRARY)
            rows = [row | {"revision": revision} for row in rows if row["tag_id"] in mine]
            with pipelined(connection):
                upsert(connection, learned, rows)
                if rows and not self.instruction:  # instructed spaces are not indexed for search
                    change = {"kind": "tag", "fingerprint": self.fingerprint}
                    connection.execute(outbox.insert().inline(), [change | {"key": row["tag_id"]} for row in rows])

    def _wait_for_decisions(self, end: float) -> None:
        """Yield to foreground fits and the rendering that follows; running both doubles their latency."""
        while time.monotonic() < end and (self._urgent or self.seconds_since_decision() < _RENDERING):
            time.sleep(0.002)

    def fit(self, connection: Connection, tag: Tag) -> tuple[Fit, list[TrainingExample], Examples]:
        """Fit a tag without storing the result.

        Args:
            connection: A read or write transaction.
            tag: The tag; its decisions are read as the transaction sees them.

        Returns:
            The fit, its training examples by ascending asset id, and their centred vectors, labels and weights.

        Raises:
            EncoderError: The tag's text has no embedding yet and the encoder cannot be loaded.
        """
        taxonomy, pack = self.taxonomies.load(connection), self.pack(connection)
        sampler = TrainingSetSampler(connection, taxonomy, self.pictures, pack=pack)
        text = self.texts.of([tag], taxonomy)[0]
        return fit_examples(sampler, tag, text, pack=pack, defaults=self.defaults)

    def _taxonomy(self) -> Taxonomy:
        with self._database.read() as connection:
            return self.taxonomies.load(connection)

    def _read(self, connection: Connection, revision: int, old: TagMatrix | None) -> TagMatrix:
        pack = self.pack(connection)
        taxonomy = self.taxonomies.load(connection)
        calibration = self.calibration.load(connection)
        if old is not None and old.pack.version != pack.version:
            old = None
        return read_matrix(
            connection,
            self.fingerprint,
            old,
            revision=revision,
            pack=pack,
            taxonomy=taxonomy,
            calibration=calibration,
            nothing=self.calibration.none_logits(taxonomy, pack),
        )
