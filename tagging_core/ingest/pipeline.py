"""The ingest pipeline: turns a chunk of files into assets with vectors and suggestions.

Several threads each process a whole chunk, from reading to writing, so decoding, embedding and writing overlap.
Every item is finished exactly once: a chunk's results are written in one transaction, keyed by content hash, so a
retry after a crash is idempotent.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image
from sqlalchemy import Connection, and_, select

from tagging_core.assets import protected
from tagging_core.assets import repository as asset_module
from tagging_core.assets.decoding import Picture, open_picture
from tagging_core.assets.files import ImageFiles
from tagging_core.assets.repository import AssetText, NewAsset
from tagging_core.common import metrics
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.batching import encode_with_bisection
from tagging_core.embeddings.encoders import Vectors
from tagging_core.errors import PictureError, SourceError
from tagging_core.ingest import chunks, late_texts
from tagging_core.ingest.chunks import Chunk, ItemResult
from tagging_core.ingest.item_files import ItemFiles, Loaded, share_texts
from tagging_core.learning import recorded_suggestions
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.suggestions import Suggester, Suggestion
from tagging_core.learning.text_evidence import Passage
from tagging_core.ledger import label_queries
from tagging_core.storage import Database
from tagging_core.storage.blobs import BlobStore
from tagging_core.storage.schema import assets, outbox
from tagging_core.storage.schema import vectors as vector_table

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture whose files are stored, prepared for the encoder; `reason` if it was refused."""

    loaded: Loaded
    picture: Picture | None = None
    prepared: Image.Image | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk that is ready to be written; the dicts are keyed by SHA-256.

    Attributes:
        vectors: `(d,)` under the default instruction.
        failed: Error messages of the encoder.
        passages: Texts with their vectors.
        instructed: Vectors `(d,)` under the profile's own instruction, if it has one.
    """

    chunk: Chunk
    decoded: list[Decoded]
    vectors: dict[str, Vectors]
    failed: dict[str, str]
    passages: dict[str, Passage]
    instructed: dict[str, Vectors] = field(default_factory=dict)


class Pipeline:
    """Processes chunks.

    Args:
        database: The store of record.
        images: Stores the image files.
        blobs: Holds the staged files.
        model: Embeds the pictures and suggests their tags.
        max_pixels: Larger pictures are refused.
    """

    def __init__(
        self,
        *,
        database: Database,
        images: ImageFiles,
        blobs: BlobStore,
        model: ActiveModel,
        max_pixels: int,
    ) -> None:
        self._database, self._images, self._blobs, self._preset = database, images, blobs, model.preset
        self._files = ItemFiles(blobs)
        self._encoder, self._suggester = model.encoder, model.suggester
        self._max_pixels, self._load_taxonomy = max_pixels, model.load_taxonomy

    def run(self, chunk: Chunk) -> None:
        """Read, decode, embed and write a chunk; remove its staged files.

        Args:
            chunk: A leased chunk; nothing is written if another worker has finished it meanwhile.

        Raises:
            EncoderError: The encoder cannot be loaded or run; files that cannot be used are refused instead.
            StorageError: The disk is full, or a store is unreachable or not writable.
        """
        loaded = share_texts([self._files.load(item) for item in chunk.items])
        with self._database.read() as connection:
            known = self._known(connection, [part.sha256 for part in loaded if part.sha256])
            untitled = late_texts.without_text(connection, known.values())
        decoded = [self._decode(replace(part, asset_id=known.get(part.sha256))) for part in loaded]
        fresh = {d.loaded.sha256: d.prepared for d in decoded if d.prepared is not None}
        found, failed = encode_with_bisection(self._encoder(), fresh)
        passages = self._passages([d for d in decoded if d.picture or d.loaded.asset_id in untitled])
        instructed = self._instructed(chunk.profile, fresh, found, passages=passages)
        self._write(EmbeddedChunk(chunk, decoded, found, failed, passages, instructed))
        for part in decoded:
            if part.loaded.item.staged:
                self._blobs.remove(part.loaded.item.source)

    def _known(self, connection: Connection, names: list[str]) -> dict[str, int]:
        query = (
            select(assets.c.sha256, assets.c.id)
            .join(vector_table, vector_table.c.asset_id == assets.c.id)
            .where(
                assets.c.sha256.in_(names),
                and_(vector_table.c.fingerprint == self._preset.fingerprint, vector_table.c.kind == "image"),
                vector_table.c.instruction == spaces.USUAL,
            )
        )
        return {row.sha256: row.id for row in connection.execute(query)}

    def _decode(self, loaded: Loaded) -> Decoded:
        if loaded.reason or (loaded.asset_id is not None and self._images.has(loaded.sha256)):
            return Decoded(loaded, reason=loaded.reason)
        try:
            data = self._files.read_again(loaded)
            picture = open_picture(data, max_pixels=self._max_pixels)
            self._images.store(loaded.sha256, data, picture)
            prepared = self._encoder().prepare(picture.image)
            # Free the file and the full-size picture before embedding.
            return Decoded(replace(loaded, data=b""), replace(picture, image=prepared), prepared)
        except (PictureError, SourceError) as error:
            return Decoded(loaded, reason=str(error))

    def _instructed(
        self,
        profile_id: str,
        images: dict[str, Image.Image],
        found: dict[str, Vectors],
        *,
        passages: dict[str, Passage],
    ) -> dict[str, Vectors]:
        with self._database.read() as connection:
            library = self._suggester.library(connection, profile_id, ready=False)
        if not library.instruction or library.pictures != library.fingerprint:
            return {}
        texts = {sha256: passage.text for sha256, passage in passages.items()}
        good = {sha256: image for sha256, image in images.items() if sha256 in found}
        return encode_with_bisection(self._encoder(), good, library.instruction, texts=texts)[0]

    def _passages(self, decoded: list[Decoded]) -> dict[str, Passage]:
        texts = {d.loaded.sha256: _text_of(d).sentence() for d in decoded}
        texts = {sha256: text for sha256, text in texts.items() if text}
        if not texts:
            return {}
        found = self._encoder().encode_passages(list(texts.values()))
        return {name: Passage(text, vector) for (name, text), vector in zip(texts.items(), found, strict=True)}

    def _write(self, embedded: EmbeddedChunk) -> None:
        chunk = embedded.chunk
        with self._database.write() as connection:
            if not chunks.is_waiting(connection, chunk):
                return  # the lease expired and another worker finished the chunk
            pictures: dict[int, Vectors] = {}
            passages: dict[int, Passage] = {}
            good = [part for part in embedded.decoded if _is_good(part, embedded)]
            kept = asset_module.insert(connection, [_new_asset(part) for part in good])
            results = [_result(part, embedded, kept) for part in embedded.decoded]
            chunks.finish_items(connection, chunk.batch_id, results)
            arrivals: list[late_texts.Arrival] = []
            for part, result in zip(embedded.decoded, results, strict=True):
                if result.asset_id is not None:
                    arrivals.append((result.asset_id, _text_of(part), embedded.passages.get(part.loaded.sha256)))
                if result.asset_id is not None and part.loaded.sha256 in embedded.vectors:
                    pictures[result.asset_id] = embedded.vectors[part.loaded.sha256]
                    if part.loaded.sha256 in embedded.passages:
                        passages[result.asset_id] = embedded.passages[part.loaded.sha256]
            new = {asset_id for asset_id, is_new in kept.values() if is_new}
            taxonomy, fingerprint = self._load_taxonomy(connection), self._preset.fingerprint
            late_texts.keep(connection, taxonomy, fingerprint, actor=chunk.actor, arrivals=arrivals)
            ids = {r.asset_id: part.loaded.sha256 for part, r in zip(embedded.decoded, results, strict=True)}
            instructed = {i: embedded.instructed[ids[i]] for i in pictures if ids[i] in embedded.instructed}
            keep_embedded(
                connection,
                self._suggester,
                chunk.profile,
                pictures=pictures,
                passages=passages,
                new=new,
                instructed=instructed,
            )
            chunks.finish(connection, chunk)
        for result in results:
            metrics.PICTURES.labels(result.state).inc()


def keep_embedded(
    connection: Connection,
    suggester: Suggester,
    profile_id: str,
    *,
    pictures: dict[int, Vectors],
    passages: dict[int, Passage],
    new: Collection[int],
    instructed: dict[int, Vectors] | None = None,
) -> dict[int, list[Suggestion]]:
    """Write vectors, outbox rows, alerts of protected assets and suggestions for newly embedded assets.

    Args:
        pictures: Vectors `(d,)` under the default instruction, by asset id.
        passages: Texts with their vectors, of the assets that have one.
        new: Assets that are new to the archive.
        instructed: Vectors `(d,)` under the profile's own instruction, if it has one.

    Returns:
        Suggestions by asset id.
    """
    fingerprint = suggester.fingerprint
    for kind, found in (("image", pictures), ("text", {i: p.vector for i, p in passages.items()})):
        if found:
            vectors.save(connection, fingerprint, list(found), matrix=np.stack(list(found.values())), kind=kind)
    if pictures:
        connection.execute(
            outbox.insert(), [{"kind": "asset", "key": str(i), "fingerprint": fingerprint} for i in pictures]
        )
    protected.raise_alerts(connection, fingerprint, pictures)
    if instructed:
        library = suggester.library(connection, profile_id, ready=False)
        vectors.save(connection, library.pictures, list(instructed), matrix=np.stack(list(instructed.values())))
        chosen, margins = suggester.predict_assets(connection, list(pictures), profile_id)
    else:
        before = [asset_id for asset_id in pictures if asset_id not in new]
        decided = label_queries.labels_of(connection, before) if before else {}
        chosen, margins = suggester.predict(pictures, profile_id, passages, decided=decided)
    recorded_suggestions.record(connection, profile_id, chosen, margins=margins, new=new)
    return chosen


def _is_good(part: Decoded, embedded: EmbeddedChunk) -> bool:
    """Whether an item was decoded and embedded."""
    return part.picture is not None and not part.reason and part.loaded.sha256 not in embedded.failed


def _new_asset(part: Decoded) -> NewAsset:
    assert part.picture is not None
    return NewAsset(part.loaded.sha256, part.loaded.item.name, part.loaded.size, part.picture, _text_of(part))


def _result(part: Decoded, embedded: EmbeddedChunk, kept: dict[str, tuple[int, bool]]) -> ItemResult:
    n, sha256 = part.loaded.item.n, part.loaded.sha256
    if reason := part.reason or embedded.failed.get(sha256, ""):
        return ItemResult(n, "refused", reason=reason)
    if part.picture is None:
        return ItemResult(n, "known", part.loaded.asset_id)
    asset_id, new = kept[sha256]
    # Of duplicates within a chunk, the first is new and the others are known.
    first = next(d.loaded.item.n for d in embedded.decoded if d.loaded.sha256 == sha256 and d.picture is not None)
    return ItemResult(n, "done" if new and n == first else "known", asset_id)


def _text_of(part: Decoded) -> AssetText:
    return AssetText(**part.loaded.item.text)
