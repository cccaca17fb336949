"""The tag library: the fitted classifier of every tag, stored in SQL and cached as one matrix in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sqlalchemy import Connection, ScalarSelect, and_, delete, func, or_, select, true

from tagging_core.common import metrics
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Encoder, LearnerDefaults, Preset, Vectors
from tagging_core.learning import calibration_data, reference_pack
from tagging_core.learning.classifier import Examples, Fit, ReferencePack, TagModel, fit_tag, measure_pack
from tagging_core.learning.library_calibration import LibraryCalibration
from tagging_core.learning.tag_matrix import TagMatrix, make_matrix
from tagging_core.learning.tag_texts import TagTexts
from tagging_core.learning.training_set import TrainingExample, TrainingSetSampler
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.storage import Database, key_values, pipelined, upsert
from tagging_core.storage.schema import dirty, learned, outbox, packs
from tagging_core.taxonomy.model import Tag, Taxonomy

_GIVE_WAY = 0.3  # maximum seconds that a background fit yields to decisions
_RENDERING = 0.1  # seconds after a decision in which the next picture is being rendered
_BATCH = 16  # tags fitted per transaction
_MAX_UNSEEN = 500  # above this number of new tags, the whole table is read instead of filtering by id


class TagLibrary:
    """Fits and serves the classifiers of one vector space: an encoder with one instruction.

    Args:
        database: The store of record.
        preset: The encoder's constants and fingerprint.
        encoder: Returns the loaded encoder; called when a tag's text must be embedded.
        instruction: A profile's instruction to the model; empty for the default.

    Attributes:
        fingerprint: Of the vector space.
        pictures: Of the space whose picture vectors are read; the default one if only texts are instructed.
    """

    def __init__(
        self, database: Database, preset: Preset, encoder: Callable[[], Encoder], *, instruction: str = ""
    ) -> None:
        self._database = database
        self._preset = preset
        self._encoder = encoder
        self.instruction = instruction
        self.fingerprint = spaces.fingerprint_of(preset.fingerprint, instruction)
        self.pictures = preset.fingerprint if preset.instructed == "text" else self.fingerprint
        self.taxonomies = taxonomy_store.TaxonomyCache()
        self.calibration = LibraryCalibration(
            database, self.fingerprint, preset.learner, taxonomies=self.taxonomies
        )
        self._texts = TagTexts(database, preset, encoder, instruction=instruction)
        self._reading = threading.Lock()
        self._urgent = 0
        self._decided = 0.0
        self._changed = False
        self._cursor = ""
        self._matrix: TagMatrix | None = None
        self._pack: tuple[int | None, ReferencePack] | None = None

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
            if not (found := self._fit_next(self._taxonomy(), give_way=True)):
                break
            fitted += found
        if at_most is None:
            self.calibration.update()
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

    def pop_changed(self) -> bool:
        """Return whether tags of a decision were fitted since the last call, and reset that."""
        taught, self._changed = self._changed, False
        return taught

    def seconds_since_decision(self) -> float:
        """Return the time since this process last fitted the tags of a decision."""
        return time.monotonic() - self._decided

    def pending(self) -> int:
        """Return the number of dirty tags."""
        with self._database.read() as connection:
            mine = select(func.count()).where(dirty.c.fingerprint == self.fingerprint)
            return int(connection.execute(mine).scalar_one())

    def is_complete(self) -> bool:
        """Return whether every active tag has a classifier, up to date or not."""
        matrix = self.matrix()
        return all(tag.id in matrix.rows for tag in matrix.taxonomy.active())

    def refresh_pack(self) -> bool:
        """Measure the reference pack again if the archive has doubled; return whether it had."""
        with self._database.read() as connection:
            pictures = reference_pack.due(connection, self.fingerprint, self.pictures)
        if pictures is None:
            return False
        taxonomy = self._taxonomy()
        texts = np.stack(self._texts.of(taxonomy.active(), taxonomy))
        with self._database.write() as connection:
            pack = measure_pack(pictures, texts, self.pack(connection))
            reference_pack.save_pack(connection, self.fingerprint, pack, pictures=len(pictures))
            mark_dirty(connection, taxonomy.tags)
        return True

    def pack(self, connection: Connection) -> ReferencePack:
        """The reference pack in force."""
        return self._pack_of(connection, connection.execute(select(self._pack_version())).scalar())

    def _pack_version(self) -> ScalarSelect[int]:
        return select(func.max(packs.c.version)).where(packs.c.fingerprint == self.fingerprint).scalar_subquery()

    def _pack_of(self, connection: Connection, version: int | None) -> ReferencePack:
        """The newest pack, from memory if it has this version; None for the one that the encoder ships with."""
        known = self._pack
        if known is None or known[0] != version:
            dimension = self._preset.dimension or self._encoder().dimension
            known = (
                version,
                reference_pack.pack_in_force(connection, self.fingerprint, self._preset, dimension=dimension),
            )
            self._pack = known
        return known[1]

    def _marks(self, connection: Connection, only: list[str] | None) -> tuple[dict[str, str], int | None]:
        """Some dirty tags with their marks, and the version of the pack in force."""
        query = select(dirty.c.tag_id, dirty.c.marked, self._pack_version().label("pack"))
        query = query.where(dirty.c.fingerprint == self.fingerprint).order_by(dirty.c.tag_id).limit(_BATCH)
        if only is not None:
            found = connection.execute(query.where(dirty.c.tag_id.in_(only))).all()
        else:  # in turn: tags that are marked again and again must not keep the others waiting
            found = connection.execute(query.where(dirty.c.tag_id > self._cursor)).all()
            found = found or connection.execute(query).all()
            self._cursor = found[-1].tag_id if found else ""
        return {row.tag_id: row.marked for row in found}, found[0].pack if found else None

    def _fit_next(self, taxonomy: Taxonomy, only: list[str] | None = None, give_way: bool = False) -> int:
        """Fit some dirty tags and store the result; returns how many were dirty."""
        with self._database.read() as connection:
            marks, version = self._marks(connection, only)
            if not marks:
                return 0
            chosen = [tag for tag in taxonomy.unmerged() if tag.id in marks]
            texts = self._texts.of(chosen, taxonomy)
            pack = self._pack_of(connection, version)
            sampler = TrainingSetSampler(connection, taxonomy, self.pictures)
            rows, end = [], time.monotonic() + _GIVE_WAY
            for tag, text in zip(chosen, texts, strict=True):
                if give_way:
                    self._wait_for_decisions(end)
                rows.append(self._fit_one(sampler, tag, text, pack=pack))
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
        taxonomy = self.taxonomies.load(connection)
        sampler = TrainingSetSampler(connection, taxonomy, self.pictures)
        return self._fit_examples(sampler, tag, self._texts.of([tag], taxonomy)[0], pack=self.pack(connection))

    def _fit_examples(
        self, sampler: TrainingSetSampler, tag: Tag, text: Vectors, *, pack: ReferencePack
    ) -> tuple[Fit, list[TrainingExample], Examples]:
        usable, found = sampler.of(tag)
        stacked = np.stack(found) if found else np.zeros((0, len(text)), np.float32)
        labels = np.array([c.label for c in usable], dtype=np.float64)
        weights = np.array([c.weight for c in usable], dtype=np.float64)
        known = Examples(pack.centre(stacked), labels, weights)
        return fit_tag(text, known, pack, defaults=self._preset.learner), usable, known

    def _fit_one(
        self, sampler: TrainingSetSampler, tag: Tag, text: Vectors, *, pack: ReferencePack
    ) -> dict[str, Any]:
        fit, usable, known = self._fit_examples(sampler, tag, text, pack=pack)
        return {
            "fingerprint": self.fingerprint,
            "tag_id": tag.id,
            "weights": vectors.to_bytes(fit.model.weights),
            "bias": fit.model.bias,
            "positives": known.positives,
            "negatives": len(usable) - known.positives,
            "left_out": calibration_data.pack_held_out(usable, fit.held_out),
        }

    def _taxonomy(self) -> Taxonomy:
        with self._database.read() as connection:
            return self.taxonomies.load(connection)

    def _read(self, connection: Connection, revision: int, old: TagMatrix | None) -> TagMatrix:
        pack = self.pack(connection)
        taxonomy = self.taxonomies.load(connection)
        calibration = self.calibration.load(connection)
        if old is not None and old.pack.version != pack.version:
            old = None
        active = [tag.id for tag in taxonomy.active()]
        wanted = learned.c.revision > (old.revision if old is not None else -1)
        if old is not None and (unseen := set(active) - old.rows.keys()):
            wanted = wanted | learned.c.tag_id.in_(unseen) if len(unseen) <= _MAX_UNSEEN else true()
        query = select(learned.c.tag_id, learned.c.weights, learned.c.bias)
        rows = connection.execute(query.where(learned.c.fingerprint == self.fingerprint, wanted))
        models = {row.tag_id: TagModel(vectors.from_bytes(row.weights), row.bias) for row in rows}
        nothing = self.calibration.none_logits(taxonomy)
        if old is not None and old.tag_ids == [t for t in active if t in old.rows or t in models]:
            models = {tag_id: model for tag_id, model in models.items() if tag_id in old.rows}
            return old.with_changes(revision, models, calibration, taxonomy=taxonomy, nothing=nothing)
        known = models if old is None else old.models() | models
        return make_matrix(revision, known, calibration, pack=pack, taxonomy=taxonomy, nothing=nothing)
