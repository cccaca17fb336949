"""Re-embedding: adds missing vectors to every vector space in the background."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image
from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from tagging_core.assets.files import ImageFiles, open_prepared
from tagging_core.assets.repository import AssetText
from tagging_core.common.throttle import Throttle
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.batching import encode_with_bisection
from tagging_core.embeddings.encoders import Encoder
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.embeddings.spaces import SpaceState, VectorSpace
from tagging_core.errors import PictureError
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.storage import Database
from tagging_core.storage.schema import assets, batches, items, labels, outbox, profiles
from tagging_core.storage.schema import vectors as vector_table

_log = logging.getLogger(__name__)
_CHUNK = 32  # pictures
_SLICE = 2.0  # seconds of work on one vector space before the next
_FILLED = (SpaceState.ACTIVE, SpaceState.BUILDING, SpaceState.READY)


@dataclass(frozen=True, slots=True)
class _MissingVector:
    """An asset without a vector."""

    id: int
    sha256: str
    text: str


class Reembedder:
    """Embeds assets that lack a vector, in the active vector space first.

    Args:
        database: The store of record.
        images: Stores the image files.
        registry: Loads the encoders.
        libraries: Tells whether all tags are fitted in a space.
        threads: Pictures decoded at once.
        max_pixels: Larger pictures are skipped.
        throttle: Pauses the work while people wait for the machine.
    """

    def __init__(
        self,
        *,
        database: Database,
        images: ImageFiles,
        registry: EncoderRegistry,
        libraries: LibraryRegistry,
        threads: int,
        max_pixels: int,
        throttle: Throttle,
    ) -> None:
        self._database, self._images, self._registry, self._libraries = database, images, registry, libraries
        self._max_pixels, self._throttle = max_pixels, throttle
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="embed")
        self._stop = threading.Event()

    def work(self) -> bool:
        """Work on each vector space for about two seconds.

        A model that fails in another space than the active one is noted with the space, which is then skipped.

        Returns:
            Whether there was anything to do.

        Raises:
            EncoderError: The model of the active space cannot be loaded or run.
            StorageError: The database or the object store does not respond.
        """
        with self._database.read() as connection:
            everything = spaces.list_all(connection)
        active = {s.fingerprint for s in everything if s.state == SpaceState.ACTIVE}
        # A formerly active model is not kept loaded for the sake of its spaces of profiles' instructions.
        served = [s for s in everything if not s.instruction or s.model in active]
        filled = [s for s in served if s.state in _FILLED and not s.note]
        return sum(self._advance(space) for space in filled) > 0

    def close(self) -> None:
        """Stop, and release the threads."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _advance(self, space: VectorSpace) -> bool:
        with self._database.read() as connection:  # before the scan, so that assets added meanwhile are not skipped
            newest = int(connection.execute(select(func.max(assets.c.id))).scalar() or 0)
        unembedded = self._unembedded(space, space.seen)
        if not unembedded:
            return self._finish(space, newest)
        try:
            encoder = self._registry.get(self._registry.preset(space.encoder))
            self._embed(space, encoder, unembedded)
        except Exception as error:  # a failure of another model must not stop the active one
            if space.state == SpaceState.ACTIVE:
                raise  # the worker reports it and retries
            _log.exception("re-embedding with %s failed", space.fingerprint)
            with self._database.write() as connection:
                spaces.change(connection, space.fingerprint, note=spaces.error_note(error))
        return True

    def _embed(self, space: VectorSpace, encoder: Encoder, unembedded: list[_MissingVector]) -> None:
        """Embed chunks for `_SLICE` seconds, decoding the next one meanwhile."""
        end = time.monotonic() + _SLICE
        ahead = self._decode(encoder, unembedded)
        while unembedded and not self._stop.is_set():
            self._throttle.pause()
            current, decoded = unembedded, ahead
            unembedded = self._unembedded(space, current[-1].id)
            ahead = self._decode(encoder, unembedded)
            if not self._write(space, encoder, current, decoded=decoded) or time.monotonic() > end:
                break

    def _decode(self, encoder: Encoder, unembedded: list[_MissingVector]) -> list[Future[Image.Image]]:
        open_ = partial(open_prepared, self._images, encoder, max_pixels=self._max_pixels)
        return [self._pool.submit(open_, each.sha256) for each in unembedded]

    def _write(
        self,
        space: VectorSpace,
        encoder: Encoder,
        chunk: list[_MissingVector],
        *,
        decoded: list[Future[Image.Image]],
    ) -> bool:
        """Embed and write a chunk; return False if the space was stopped, deleted or activated meanwhile."""
        images: dict[int, Image.Image] = {}
        for each, future in zip(chunk, decoded, strict=True):
            try:
                images[each.id] = future.result()
            except (OSError, PictureError) as error:
                _log.warning("picture %d could not be embedded with %s: %s", each.id, space.fingerprint, error)
        texts = {each.id: each.text for each in chunk if each.text}
        found, failed = encode_with_bisection(
            encoder, images, space.instruction, texts=texts if space.instruction else None
        )
        for asset_id, reason in failed.items():
            _log.warning("picture %d could not be embedded with %s: %s", asset_id, space.fingerprint, reason)
        with_text = [i for i in found if i in texts and not space.instruction]
        passages = encoder.encode_passages([texts[i] for i in with_text]) if with_text else None
        with self._database.write() as connection:
            current = spaces.find(connection, space.fingerprint)
            if current is None or current.state != space.state:
                return False
            if found:
                vectors.save(connection, space.fingerprint, list(found), matrix=np.stack(list(found.values())))
            if passages is not None:
                vectors.save(connection, space.fingerprint, with_text, matrix=passages, kind="text")
            if found and not space.instruction:
                row = {"kind": "asset", "fingerprint": space.fingerprint}
                connection.execute(outbox.insert(), [row | {"key": str(i)} for i in found])
            spaces.change(connection, space.fingerprint, seen=chunk[-1].id)
        return True

    def _unembedded(self, space: VectorSpace, seen: int) -> list[_MissingVector]:
        """Return the next assets without a vector, with a higher id than `seen`."""
        texts = (assets.c.title, assets.c.caption, assets.c.body)
        query = select(assets.c.id, assets.c.sha256, *texts).where(assets.c.id > seen, ~_embedded(space))
        if space.instruction:
            query = query.where(_concerns(space))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(assets.c.id).limit(_CHUNK)).all()
        return [
            _MissingVector(row.id, row.sha256, AssetText(row.title, row.caption, row.body).sentence())
            for row in rows
        ]

    def _finish(self, space: VectorSpace, newest: int) -> bool:
        """Advance the scan's cursor past all assets; mark the space as ready once all tags are fitted in it."""
        if newest > space.seen:
            with self._database.write() as connection:
                spaces.change(connection, space.fingerprint, seen=newest)
        if space.state != SpaceState.BUILDING:
            return False
        library = self._libraries.of_space(space)
        if library.refresh_pack():
            return True
        if not library.is_complete():
            return False
        with self._database.write() as connection:
            spaces.change(connection, space.fingerprint, state=SpaceState.READY)
        return True


def count_members(connection: Connection, space: VectorSpace) -> int:
    """Return the number of assets that belong in a vector space."""
    query = select(func.count()).select_from(assets)
    return int(connection.execute(query.where(_concerns(space)) if space.instruction else query).scalar_one())


def count_missing(connection: Connection, space: VectorSpace) -> int:
    """Count those of these assets that have no vector in the space, independently of the scan's cursor."""
    query = select(func.count()).select_from(assets).where(~_embedded(space))
    return int(connection.execute(query.where(_concerns(space)) if space.instruction else query).scalar_one())


def _embedded(space: VectorSpace) -> ColumnElement[bool]:
    model, instruction = spaces.split(space.fingerprint)
    mine = vector_table.c.fingerprint == model, vector_table.c.instruction == instruction
    return exists().where(vector_table.c.asset_id == assets.c.id, vector_table.c.kind == "image", *mine)


def _concerns(space: VectorSpace) -> ColumnElement[bool]:
    """Assets in a batch whose profile follows this instruction, and all with labels, which are training data."""
    following = select(profiles.c.id).where(profiles.c.followed, profiles.c.instruction == space.instruction)
    in_batch = exists().where(
        items.c.asset_id == assets.c.id, batches.c.id == items.c.batch_id, batches.c.profile.in_(following)
    )
    return or_(in_batch, exists().where(labels.c.asset_id == assets.c.id))
