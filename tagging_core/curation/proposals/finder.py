"""Background search for proposals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from sqlalchemy import Connection, select

from tagging_core.curation.proposals import label_errors, missing_tags, splits, synonyms
from tagging_core.curation.proposals.store import keep
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Encoder, Vectors, class_names
from tagging_core.learning.library import TagLibrary
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import learned, proposals
from tagging_core.taxonomy.model import Tag

_REVISION, _SPLITS = "proposals.revision", "proposals.splits"
_PAUSE = 30.0  # minimum seconds between searches
_PAUSE_FACTOR = 20  # minimum pause as a multiple of the last search's duration, to keep the load below 5 %
_SPLIT_TAGS = 40  # tags checked for a split per search


class ProposalFinder:
    """Finds and stores proposals.

    Args:
        database: The store of record.
        library: The tags' classifiers.
        encoder: Returns the loaded encoder, to embed tag names.
    """

    def __init__(self, database: Database, library: TagLibrary, encoder: Callable[[], Encoder]) -> None:
        self._database, self._library, self._encoder = database, library, encoder
        self._names: dict[str, Vectors] = {}
        self._looks = synonyms.Looks()
        self._vocabulary: dict[str, Vectors] = {}
        self._next = 0.0
        self._lock = threading.Lock()

    def search_if_due(self) -> bool:
        """Search if the tag library has changed and the pause since the last search is over.

        Returns:
            Whether it searched.

        Raises:
            EncoderError: A tag's name must be embedded, and the encoder cannot be loaded.
        """
        if time.monotonic() < self._next:
            return False
        with self._database.read() as connection:
            if key_values.get_int(connection, _REVISION) == self._library.matrix().revision:
                return False
        self.search()
        return True

    def search(self) -> None:
        """Search for proposals of every kind and replace the stored ones.

        Raises:
            EncoderError: A tag's name must be embedded, and the encoder cannot be loaded.
        """
        started = time.monotonic()
        with self._lock:
            matrix = self._library.matrix()
            tags = matrix.taxonomy.active()
            names = self._name_vectors(tags)
            with self._database.read() as connection:
                pack = self._library.pack(connection)
                looks = self._looks.refresh(connection, self._library.fingerprint, pack)
                confusions = label_errors.confusions(connection, matrix.taxonomy)
                found = [
                    *synonyms.find(tags, names, looks, taken=lambda a, b: confusions.get((a, b), 0)),
                    *label_errors.propose_confusions(connection, matrix.taxonomy, confusions),
                    *label_errors.propose_wrong(
                        matrix.taxonomy,
                        self._library.calibration.held_out(connection),
                        self._library.defaults.prior,
                    ),
                    *missing_tags.find(connection, matrix, self._library.fingerprint, words=self._words),
                ]
                checked, revision = self._changed(connection)
                parts = [
                    splits.find(connection, matrix.taxonomy.tags[tag_id], self._library.fingerprint, pack=pack)
                    for tag_id in checked
                    if tag_id in matrix.rows
                ]
            with self._database.write() as connection:
                keep(connection, ("synonyms", "confusion", "wrong", "new"), found)
                keep(connection, ("split",), [p for p in parts if p], of=[*checked, *self._too_few(connection)])
                key_values.put(connection, _SPLITS, str(revision))
                key_values.put(connection, _REVISION, str(matrix.revision))
        now = time.monotonic()
        self._next = now + max(_PAUSE, _PAUSE_FACTOR * (now - started))

    def _changed(self, connection: Connection) -> tuple[list[str], int]:
        """Return the next tags that were refitted since their last split check, and the revision this covers."""
        last_revision = key_values.get_int(connection, _SPLITS)
        query = (
            select(learned.c.tag_id, learned.c.revision)
            .where(learned.c.fingerprint == self._library.fingerprint, learned.c.revision > last_revision)
            .where(learned.c.positives >= splits.LEAST)
            .order_by(learned.c.revision, learned.c.tag_id)
        )
        rows = connection.execute(query.limit(_SPLIT_TAGS)).all()
        # The limit may cut off tags of the last revision; the next search repeats that revision.
        revision = rows[-1].revision - (len(rows) == _SPLIT_TAGS) if rows else last_revision
        return [row.tag_id for row in rows], max(revision, last_revision)

    def _too_few(self, connection: Connection) -> set[str]:
        """Return tags with a stored split proposal that no longer have enough examples."""
        enough = select(learned.c.tag_id).where(
            learned.c.fingerprint == self._library.fingerprint, learned.c.positives >= splits.LEAST
        )
        proposed = connection.execute(select(proposals.c.key).where(proposals.c.kind == "split")).scalars()
        return {key.removeprefix("split:") for key in proposed} - set(connection.execute(enough).scalars())

    def _name_vectors(self, tags: list[Tag]) -> Vectors:
        texts = [tag.name() for tag in tags]
        if missing := sorted({text for text in texts if text not in self._names}):
            self._names |= dict(zip(missing, self._encoder().encode_passages(missing), strict=True))
        return np.stack([self._names[text] for text in texts]) if texts else np.zeros((0, 1), np.float32)

    def _words(self) -> dict[str, Vectors]:
        """Return candidate names for new tags (ImageNet classes) with their text vectors, computed once."""
        if self._vocabulary:
            return self._vocabulary
        words = class_names()
        groups = [[f"a photo of a {word}"] for word in words]
        found = vectors.sentences(self._database, self._encoder, self._library.fingerprint, groups=groups)
        self._vocabulary = dict(zip(words, found, strict=True))
        return self._vocabulary
