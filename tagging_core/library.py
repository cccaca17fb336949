"""The tag library: the learned classifier of every tag, in SQL for keeps and as one matrix in memory.

Learning never waits for anything: `settle` fits the tags that decisions marked, whoever made them, and moves the
library's revision. Readers ask for `matrix()` and get the latest revision, reading only what changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, delete, func, or_, select

from tagging_core import examples, ledger, meta, tags, vectors
from tagging_core.encoders import Encoder, Preset, Vectors, default_mean
from tagging_core.learner import Examples, ReferencePack, TagModel, fit_tag, initial_pack, measure_pack
from tagging_core.ledger import Event, Kind
from tagging_core.people import SYSTEM
from tagging_core.projection import mark_dirty
from tagging_core.store import Database, upsert
from tagging_core.store.tables import assets, dirty, learned, outbox, packs
from tagging_core.store.tables import vectors as vector_table
from tagging_core.taxonomy import Tag, Taxonomy

_GALLERY_MIN, _GALLERY_MAX = 64, 2000
_URGENT_SECONDS = 0.5
_AT_ONCE = 16  # tags fitted before the results are written


@dataclass(frozen=True, slots=True)
class TagMatrix:
    """All classifiers at one revision.

    Attributes:
        tag_ids: Row order.
        weights: `(t, d)` float32.
        biases: `(t,)` float64.
        pack: Centres picture vectors before they are multiplied.
        taxonomy: The taxonomy of the same moment.
    """

    revision: int
    tag_ids: list[str]
    weights: Vectors
    biases: NDArray[np.float64]
    pack: ReferencePack
    taxonomy: Taxonomy

    def logits(self, pictures: Vectors) -> NDArray[np.float64]:
        """Logits `(n, t)` of picture vectors `(n, d)`."""
        return self.pack.centre(pictures) @ self.weights.T + self.biases


class Library:
    """Reads and teaches the library of one encoder.

    Args:
        database: Where everything is kept.
        preset: The encoder's constants and fingerprint.
        encoder: Gives the loaded encoder when a tag's text must be embedded.
    """

    def __init__(self, database: Database, preset: Preset, encoder: Callable[[], Encoder]) -> None:
        self._database = database
        self._preset = preset
        self._encoder = encoder
        self.taxonomies = tags.TaxonomyCache()
        self._reading = threading.Lock()
        self._urgent = 0
        self._decided = 0.0
        self._matrix: TagMatrix | None = None

    def matrix(self) -> TagMatrix:
        """The library at its latest revision; costs one small query when nothing changed."""
        with self._reading, self._database.read() as connection:
            revision = meta.get_int(connection, meta.LIBRARY)
            if self._matrix is None or self._matrix.revision != revision:
                self._matrix = self._read(connection, revision, self._matrix)
            return self._matrix

    def settle(self, only: Iterable[str] | None = None, at_most: int | None = None) -> int:
        """Fit the marked tags and move the revision.

        Args:
            only: The tags of a person's decision, fitted before all others; None for whatever is marked.
            at_most: Stop after about this many tags, so that a caller gets to other work while decisions pour in.

        Returns:
            How many tags were fitted.

        Raises:
            EncoderError: A tag's text was never embedded and the encoder cannot be loaded.
        """
        fitted = 0
        wanted = None if only is None else sorted(set(only))
        self._urgent += wanted is not None
        if wanted is not None:
            self._decided = time.monotonic()
        try:
            while (at_most is None or fitted < at_most) and (marks := self._marks(wanted)):
                self._fit(marks, give_way=wanted is None)
                fitted += len(marks)
        finally:
            self._urgent -= wanted is not None
        return fitted

    def seconds_since_decision(self) -> float:
        """How long ago this process last taught a decision at once."""
        return time.monotonic() - self._decided

    def pending(self) -> int:
        """How many tags wait to be fitted."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(dirty)).scalar_one())

    def refresh_pack(self) -> bool:
        """Measure the reference pack anew when the archive has doubled since; whether that was due."""
        fingerprint = self._preset.fingerprint
        with self._database.read() as connection:
            size = self._gallery_size(connection)
            measured = self._gallery_measured(connection)
            if size < max(_GALLERY_MIN, 2 * measured) or measured >= _GALLERY_MAX:
                return False
            ids = connection.execute(
                select(assets.c.id)
                .join(vector_table, and_(vector_table.c.asset_id == assets.c.id))
                .where(vector_table.c.fingerprint == fingerprint, vector_table.c.kind == "image")
                .order_by(assets.c.sample)
                .limit(_GALLERY_MAX)
            ).scalars()
            gallery = np.stack(list(vectors.load(connection, fingerprint, sorted(ids)).values()))
        taxonomy = self._taxonomy()
        texts = np.stack(self._texts(taxonomy.active(), taxonomy))
        with self._database.write() as connection:
            pack = measure_pack(gallery, texts, self.pack(connection))
            self._save_pack(connection, pack, len(gallery))
            mark_dirty(connection, taxonomy.tags)
        return True

    def pack(self, connection: Connection) -> ReferencePack:
        """The reference pack in force."""
        query = select(packs).where(packs.c.fingerprint == self._preset.fingerprint)
        row = connection.execute(query.order_by(packs.c.version.desc()).limit(1)).first()
        if row is None:
            return initial_pack(default_mean(self._preset, self._dimension()), self._preset.learner)
        mean = vectors.from_bytes(row.mean)
        return ReferencePack(row.version, mean, row.spread, row.text_scale, row.prototype_scale)

    def _dimension(self) -> int:
        return self._preset.dimension or self._encoder().dimension

    def _marks(self, only: list[str] | None) -> dict[str, str]:
        query = select(dirty.c.tag_id, dirty.c.marked).order_by(dirty.c.tag_id).limit(_AT_ONCE)
        if only is not None:
            query = query.where(dirty.c.tag_id.in_(only))
        with self._database.read() as connection:
            return {row.tag_id: row.marked for row in connection.execute(query)}

    def _fit(self, marks: dict[str, str], give_way: bool) -> None:
        taxonomy = self._taxonomy()
        chosen = [taxonomy.tags[tag_id] for tag_id in marks if tag_id in taxonomy.tags]
        texts = self._texts(chosen, taxonomy)
        with self._database.read() as connection:
            pack = self.pack(connection)
            rows = []
            for tag, text in zip(chosen, texts, strict=True):
                if give_way:
                    self._wait_for_urgent()
                rows.append(self._fit_one(connection, tag, text, taxonomy, pack))
        with self._database.write() as connection:
            # A mark that changed or went meanwhile: another fit has seen decisions that this one has not.
            same = [and_(dirty.c.tag_id == tag_id, dirty.c.marked == mark) for tag_id, mark in marks.items()]
            mine = set(connection.execute(select(dirty.c.tag_id).where(or_(*same))).scalars())
            revision = meta.bump(connection, meta.LIBRARY)
            rows = [row | {"revision": revision} for row in rows if row["tag_id"] in mine]
            upsert(connection, learned, rows)
            if rows:
                connection.execute(outbox.insert(), [{"kind": "tag", "key": row["tag_id"]} for row in rows])
            connection.execute(delete(dirty).where(or_(*same)))

    def _wait_for_urgent(self) -> None:
        """Let a person's decision go first: two fits at once would take it twice as long."""
        end = time.monotonic() + _URGENT_SECONDS
        while self._urgent and time.monotonic() < end:
            time.sleep(0.002)

    def _fit_one(
        self, connection: Connection, tag: Tag, text: Vectors, taxonomy: Taxonomy, pack: ReferencePack
    ) -> dict:
        choices = examples.choose(connection, tag, taxonomy)
        found = vectors.load(connection, self._preset.fingerprint, [c.asset_id for c in choices])
        usable = [choice for choice in choices if choice.asset_id in found]
        shape = (0, len(text))
        stacked = np.stack([found[c.asset_id] for c in usable]) if usable else np.zeros(shape, np.float32)
        labels = np.array([c.label for c in usable], dtype=np.float64)
        weights = np.array([c.weight for c in usable], dtype=np.float64)
        known = Examples(pack.centre(stacked), labels, weights)
        model = fit_tag(text, known, pack, self._preset.learner)
        return {
            "fingerprint": self._preset.fingerprint,
            "tag_id": tag.id,
            "weights": vectors.to_bytes(model.weights),
            "bias": model.bias,
            "positives": known.positives,
            "negatives": len(labels) - known.positives,
        }

    def _texts(self, chosen: list[Tag], taxonomy: Taxonomy) -> list[Vectors]:
        groups = [taxonomy.sentences(tag) for tag in chosen]
        fingerprint = self._preset.fingerprint
        with self._database.read() as connection:
            found = vectors.load_sentences(connection, fingerprint, groups)
        missing = [i for i, vector in enumerate(found) if vector is None]
        if missing:
            fresh = vectors.encode_sentences(self._encoder(), [groups[i] for i in missing])
            with self._database.write() as connection:
                vectors.save_sentences(connection, fingerprint, [groups[i] for i in missing], fresh)
            for i, vector in zip(missing, fresh, strict=True):
                found[i] = vector
        return [vector for vector in found if vector is not None]

    def _taxonomy(self) -> Taxonomy:
        with self._database.read() as connection:
            return self.taxonomies.load(connection)

    def _read(self, connection: Connection, revision: int, old: TagMatrix | None) -> TagMatrix:
        pack = self.pack(connection)
        taxonomy = self.taxonomies.load(connection)
        same = old is not None and old.pack.version == pack.version and taxonomy is old.taxonomy
        known = _rows_of(old) if same and old is not None else {}
        query = select(learned.c.tag_id, learned.c.weights, learned.c.bias).where(
            learned.c.fingerprint == self._preset.fingerprint,
            learned.c.revision > (old.revision if same and old is not None else -1),
        )
        for row in connection.execute(query):
            known[row.tag_id] = TagModel(vectors.from_bytes(row.weights), row.bias)
        tag_ids = [tag.id for tag in taxonomy.active() if tag.id in known]
        dimension = len(pack.mean)
        stacked = [known[tag_id].weights for tag_id in tag_ids]
        weights = np.stack(stacked) if stacked else np.zeros((0, dimension), dtype=np.float32)
        biases = np.array([known[tag_id].bias for tag_id in tag_ids], dtype=np.float64)
        return TagMatrix(revision, tag_ids, weights, biases, pack, taxonomy)

    def _gallery_size(self, connection: Connection) -> int:
        query = select(vector_table.c.asset_id).where(
            vector_table.c.fingerprint == self._preset.fingerprint, vector_table.c.kind == "image"
        )
        # Counting stops at the maximum, so the cost does not grow with the archive.
        return len(connection.execute(query.limit(_GALLERY_MAX)).all())

    def _gallery_measured(self, connection: Connection) -> int:
        query = select(func.max(packs.c.gallery)).where(packs.c.fingerprint == self._preset.fingerprint)
        return int(connection.execute(query).scalar() or 0)

    def _save_pack(self, connection: Connection, pack: ReferencePack, gallery: int) -> None:
        key = {"fingerprint": self._preset.fingerprint, "version": pack.version, "gallery": gallery}
        event_id = ledger.append(connection, Event(Kind.PACK, SYSTEM.name, payload=dict(key)))
        values = {
            "mean": vectors.to_bytes(pack.mean),
            "spread": pack.spread,
            "text_scale": pack.text_scale,
            "prototype_scale": pack.prototype_scale,
        }
        upsert(connection, packs, [key | values | {"event_id": event_id}])


def _rows_of(matrix: TagMatrix) -> dict[str, TagModel]:
    rows = zip(matrix.tag_ids, matrix.weights, matrix.biases, strict=True)
    return {tag_id: TagModel(weights, float(bias)) for tag_id, weights, bias in rows}
