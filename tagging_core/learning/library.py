"""The tag library: the learned classifier of every tag, in SQL for keeps and as one matrix in memory.

Learning never waits for anything: `settle` fits the tags that decisions marked, whoever made them, and moves the
library's revision. Readers ask for `matrix()` and get the latest revision, reading only what changed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict

import numpy as np
from sqlalchemy import Connection, ScalarSelect, and_, delete, func, or_, select, true

from tagging_core.common import metrics
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Encoder, LearnerDefaults, Preset, Vectors
from tagging_core.learning import calibration_data, reference_pack
from tagging_core.learning.calibration import Calibration, fit_calibration, none_logit, read_calibration
from tagging_core.learning.calibration_data import HeldOutLogits
from tagging_core.learning.classifier import Examples, Fit, ReferencePack, TagModel, fit_tag, measure_pack
from tagging_core.learning.tag_matrix import TagMatrix, make_matrix
from tagging_core.learning.training_set import TrainingExample, TrainingSetSampler
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.projection import mark_dirty
from tagging_core.storage import Database, key_values, pipelined, upsert
from tagging_core.storage.schema import calibrations, dirty, events, learned, outbox, packs
from tagging_core.taxonomy.model import Tag, Taxonomy

_GIVE_WAY = 0.3  # seconds that a round in the background waits for decisions at most, however many come
_DRAWING = 0.1  # so long after a decision its author waits for the next picture
_AT_ONCE = 16  # tags fitted before the results are written
_TEXTS_MOST = 20_000  # text vectors kept in memory
_UNSEEN = 500  # tags new to the matrix that are read by name; of more, all are read


class TagLibrary:
    """Reads and teaches the library of one family: an encoder under its usual instruction or another.

    Args:
        database: Where everything is kept.
        preset: The encoder's constants and fingerprint.
        encoder: Gives the loaded encoder when a tag's text must be embedded.
        instruction: What a profile tells the model to look for; empty for the usual one.

    Attributes:
        fingerprint: Of the family.
        pictures: Of the family whose picture vectors it reads; a model that is told only with texts shares them.
    """

    def __init__(
        self, database: Database, preset: Preset, encoder: Callable[[], Encoder], instruction: str = ""
    ) -> None:
        self._database = database
        self._preset = preset
        self._encoder = encoder
        self.instruction = instruction
        self.fingerprint = spaces.fingerprint_of(preset.fingerprint, instruction)
        self.pictures = preset.fingerprint if preset.instructed == "text" else self.fingerprint
        self.taxonomies = taxonomy_store.TaxonomyCache()
        self._reading = threading.Lock()
        self._urgent = 0
        self._decided = 0.0
        self._taught = False
        self._reached = ""
        self._matrix: TagMatrix | None = None
        self._calibration: tuple[int, Calibration] = (-1, Calibration())
        self._calibrating = threading.Lock()
        self._left_out: dict[str, HeldOutLogits] = {}
        self._left_out_revision = -1
        self._pack: tuple[int | None, ReferencePack] | None = None
        self._text_vectors: dict[tuple[str, ...], Vectors] = {}
        self._unpacking = threading.Lock()

    @property
    def defaults(self) -> LearnerDefaults:
        """The encoder's constants for the learner."""
        return self._preset.learner

    def matrix(self) -> TagMatrix:
        """The library at its latest revision; costs one small query when nothing changed."""
        with self._database.read() as connection:
            revision = key_values.get_int(connection, key_values.LIBRARY)
            matrix = self._matrix
            if matrix is not None and matrix.revision >= revision:
                metrics.MATRIX.labels("memory").inc()
                return matrix
            with self._reading:  # of those who ask meanwhile one reads
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
            EncoderError: A tag's text was never embedded and the encoder cannot be loaded.
        """
        if only is not None:
            return self._settle_decided(sorted(set(only)), taxonomy or self._taxonomy())
        fitted = 0
        while at_most is None or fitted < at_most:
            if not (found := self._fit_next(self._taxonomy(), give_way=True)):
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
            for start in range(0, len(tag_ids), _AT_ONCE):
                fitted += self._fit_next(taxonomy, tag_ids[start : start + _AT_ONCE])
        finally:
            self._urgent -= 1
            self._taught = True
        return fitted

    def calibrate(self) -> bool:
        """Calibrate anew if anything was decided or fitted since; whether that was due."""
        with self._calibrating:
            with self._database.read() as connection:
                seen = self._newest(connection)
                if self._calibration_seen(connection) == seen:
                    return False
                taxonomy = self.taxonomies.load(connection)
                judged = calibration_data.collect(
                    connection, taxonomy, self.held_out(connection), self.none_logits(taxonomy)
                )
            found = fit_calibration(judged)
            with self._database.write() as connection:
                same = self._load_calibration(connection) == found
                revision = self._calibration[0] if same else key_values.bump(connection, key_values.LIBRARY)
                row = {"fingerprint": self.fingerprint, "revision": revision, "seen": seen}
                upsert(connection, calibrations, [row | {"parameters": asdict(found)}])
            return True

    def none_logits(self, taxonomy: Taxonomy) -> dict[str, float]:
        """By exclusive category, the logit of "none of its tags"."""
        constants = self._preset.learner
        sizes = Counter(tag.category_id for tag in taxonomy.active())
        return {
            c.id: none_logit(sizes[c.id], constants.prior, constants.presence)
            for c in taxonomy.categories.values()
            if c.exclusive
        }

    def pop_taught(self) -> bool:
        """Whether a decision was taught at once since the last call."""
        taught, self._taught = self._taught, False
        return taught

    def seconds_since_decision(self) -> float:
        """How long ago this process last taught a decision at once."""
        return time.monotonic() - self._decided

    def pending(self) -> int:
        """How many tags wait to be fitted."""
        with self._database.read() as connection:
            mine = select(func.count()).where(dirty.c.fingerprint == self.fingerprint)
            return int(connection.execute(mine).scalar_one())

    def is_complete(self) -> bool:
        """Whether every tag in use was fitted, if not yet with the latest decisions."""
        matrix = self.matrix()
        return all(tag.id in matrix.rows for tag in matrix.taxonomy.active())

    def refresh_pack(self) -> bool:
        """Measure the reference pack anew when the archive has doubled since; whether that was due."""
        with self._database.read() as connection:
            pictures = reference_pack.due(connection, self.fingerprint, self.pictures)
        if pictures is None:
            return False
        taxonomy = self._taxonomy()
        texts = np.stack(self._texts(taxonomy.active(), taxonomy))
        with self._database.write() as connection:
            pack = measure_pack(pictures, texts, self.pack(connection))
            reference_pack.save_pack(connection, self.fingerprint, pack, len(pictures))
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
            known = version, reference_pack.pack_in_force(connection, self.fingerprint, self._preset, dimension)
            self._pack = known
        return known[1]

    def _marks(self, connection: Connection, only: list[str] | None) -> tuple[dict[str, str], int | None]:
        """Some dirty tags with their marks, and the version of the pack in force."""
        query = select(dirty.c.tag_id, dirty.c.marked, self._pack_version().label("pack"))
        query = query.where(dirty.c.fingerprint == self.fingerprint).order_by(dirty.c.tag_id).limit(_AT_ONCE)
        if only is not None:
            found = connection.execute(query.where(dirty.c.tag_id.in_(only))).all()
        else:  # in turn: tags that are marked again and again must not keep the others waiting
            found = connection.execute(query.where(dirty.c.tag_id > self._reached)).all()
            found = found or connection.execute(query).all()
            self._reached = found[-1].tag_id if found else ""
        return {row.tag_id: row.marked for row in found}, found[0].pack if found else None

    def _fit_next(self, taxonomy: Taxonomy, only: list[str] | None = None, give_way: bool = False) -> int:
        """Fit some dirty tags and store the result; returns how many were dirty."""
        with self._database.read() as connection:
            marks, version = self._marks(connection, only)
            if not marks:
                return 0
            chosen = [tag for tag in taxonomy.unmerged() if tag.id in marks]
            texts = self._texts(chosen, taxonomy)
            pack = self._pack_of(connection, version)
            sampler = TrainingSetSampler(connection, taxonomy, self.pictures)
            rows, end = [], time.monotonic() + _GIVE_WAY
            for tag, text in zip(chosen, texts, strict=True):
                if give_way:
                    self._wait_for_decisions(end)
                rows.append(self._fit_one(sampler, tag, text, pack))
        self._store(marks, rows)
        return len(marks)

    def _store(self, marks: dict[str, str], rows: list[dict]) -> None:
        """Store fits whose marks are unchanged: another fit has seen decisions that a changed mark stands for."""
        with self._database.write() as connection:
            same = [and_(dirty.c.tag_id == tag_id, dirty.c.marked == mark) for tag_id, mark in marks.items()]
            marked = delete(dirty).where(dirty.c.fingerprint == self.fingerprint, or_(*same))
            mine = set(connection.execute(marked.returning(dirty.c.tag_id)).scalars())
            revision = key_values.bump(connection, key_values.LIBRARY)
            rows = [row | {"revision": revision} for row in rows if row["tag_id"] in mine]
            with pipelined(connection):
                upsert(connection, learned, rows)
                if rows and not self.instruction:  # others serve suggestions alone, nobody searches them
                    change = {"kind": "tag", "fingerprint": self.fingerprint}
                    connection.execute(outbox.insert().inline(), [change | {"key": row["tag_id"]} for row in rows])

    def _wait_for_decisions(self, end: float) -> None:
        """Let a person go first until the next picture is drawn: two at once would take twice as long."""
        while time.monotonic() < end and (self._urgent or self.seconds_since_decision() < _DRAWING):
            time.sleep(0.002)

    def fit(self, connection: Connection, tag: Tag) -> tuple[Fit, list[TrainingExample], Examples]:
        """Fit a tag without keeping the result: the fit and the examples it rests on."""
        taxonomy = self.taxonomies.load(connection)
        sampler = TrainingSetSampler(connection, taxonomy, self.pictures)
        return self._fit_examples(sampler, tag, self._texts([tag], taxonomy)[0], self.pack(connection))

    def _fit_examples(
        self, sampler: TrainingSetSampler, tag: Tag, text: Vectors, pack: ReferencePack
    ) -> tuple[Fit, list[TrainingExample], Examples]:
        usable, found = sampler.of(tag)
        stacked = np.stack(found) if found else np.zeros((0, len(text)), np.float32)
        labels = np.array([c.label for c in usable], dtype=np.float64)
        weights = np.array([c.weight for c in usable], dtype=np.float64)
        known = Examples(pack.centre(stacked), labels, weights)
        return fit_tag(text, known, pack, self._preset.learner), usable, known

    def _fit_one(self, sampler: TrainingSetSampler, tag: Tag, text: Vectors, pack: ReferencePack) -> dict:
        fit, usable, known = self._fit_examples(sampler, tag, text, pack)
        return {
            "fingerprint": self.fingerprint,
            "tag_id": tag.id,
            "weights": vectors.to_bytes(fit.model.weights),
            "bias": fit.model.bias,
            "positives": known.positives,
            "negatives": len(usable) - known.positives,
            "left_out": calibration_data.pack_held_out(usable, fit.held_out),
        }

    def _texts(self, chosen: list[Tag], taxonomy: Taxonomy) -> list[Vectors]:
        """Text vectors `(d,)` of tags, from memory while their sentences stay the same."""
        groups = [tuple(taxonomy.sentences(tag, self._preset.templates, self._preset.name)) for tag in chosen]
        new = [group for group in groups if group not in self._text_vectors]
        if new:
            if len(self._text_vectors) > _TEXTS_MOST:
                self._text_vectors = {}
            found = vectors.sentences(self._database, self._encoder, self.fingerprint, new, self.instruction)
            self._text_vectors = self._text_vectors | dict(zip(new, found, strict=True))
        return [self._text_vectors[group] for group in groups]

    def _taxonomy(self) -> Taxonomy:
        with self._database.read() as connection:
            return self.taxonomies.load(connection)

    def _read(self, connection: Connection, revision: int, old: TagMatrix | None) -> TagMatrix:
        pack = self.pack(connection)
        taxonomy = self.taxonomies.load(connection)
        calibration = self._load_calibration(connection)
        if old is not None and old.pack.version != pack.version:
            old = None
        active = [tag.id for tag in taxonomy.active()]
        wanted = learned.c.revision > (old.revision if old is not None else -1)
        if old is not None and (unseen := set(active) - old.rows.keys()):
            wanted = wanted | learned.c.tag_id.in_(unseen) if len(unseen) <= _UNSEEN else true()
        query = select(learned.c.tag_id, learned.c.weights, learned.c.bias)
        rows = connection.execute(query.where(learned.c.fingerprint == self.fingerprint, wanted))
        models = {row.tag_id: TagModel(vectors.from_bytes(row.weights), row.bias) for row in rows}
        nothing = self.none_logits(taxonomy)
        if old is not None and old.tag_ids == [t for t in active if t in old.rows or t in models]:
            models = {tag_id: model for tag_id, model in models.items() if tag_id in old.rows}
            return old.with_changes(revision, models, calibration, taxonomy, nothing)
        known = models if old is None else old.models() | models
        return make_matrix(revision, known, calibration, pack, taxonomy, nothing)

    def _newest(self, connection: Connection) -> str:
        """Moves with every event and every fit."""
        event = connection.execute(select(func.max(events.c.id))).scalar()
        fitted = select(func.max(learned.c.revision)).where(learned.c.fingerprint == self.fingerprint)
        return f"{event}/{connection.execute(fitted).scalar()}"

    def _calibration_seen(self, connection: Connection) -> str:
        query = select(calibrations.c.seen).where(calibrations.c.fingerprint == self.fingerprint)
        return str(connection.execute(query).scalar() or "")

    def _load_calibration(self, connection: Connection) -> Calibration:
        """The calibration in force, from memory if it has not changed."""
        mine = calibrations.c.fingerprint == self.fingerprint
        revision = connection.execute(select(calibrations.c.revision).where(mine)).scalar()
        if revision is not None and revision != self._calibration[0]:
            parameters = connection.execute(select(calibrations.c.parameters).where(mine)).scalar_one()
            self._calibration = (revision, read_calibration(parameters))
        return self._calibration[1]

    def held_out(self, connection: Connection) -> dict[str, HeldOutLogits]:
        """All tags' left-out logits; only those fitted since the last call are read."""
        query = select(learned.c.tag_id, learned.c.left_out, learned.c.revision).where(
            learned.c.fingerprint == self.fingerprint
        )
        with self._unpacking:
            rows = connection.execute(query.where(learned.c.revision > self._left_out_revision)).all()
            fresh = {row.tag_id: calibration_data.unpack_held_out(row.left_out) for row in rows}
            self._left_out_revision = max([self._left_out_revision, *(row.revision for row in rows)])
            self._left_out = self._left_out | fresh  # a new one: others may be walking through the old
            return self._left_out
