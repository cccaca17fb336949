"""Embedding the archive anew: pictures that a family of vectors lacks get theirs while people go on working."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

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
_SLICE = 2.0  # seconds of work until other families get a turn
_AT_WORK = (SpaceState.ACTIVE, SpaceState.BUILDING, SpaceState.READY)


@dataclass(frozen=True, slots=True)
class _MissingVector:
    """A picture without a vector."""

    id: int
    sha256: str
    text: str


class Reembedder:
    """Embeds what families lack, the one in use first.

    Args:
        database: Where vectors are kept.
        images: Where the files are.
        registry: The models.
        libraries: Say when a family has learned what there is to learn.
        threads: Pictures that are decoded at once.
        max_pixels: Larger pictures are refused.
        throttle: Lets people go first.
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
        """Work for a moment; whether there was anything to do."""
        with self._database.read() as connection:
            everything = spaces.list_all(connection)
        in_use = {f.fingerprint for f in everything if f.state == SpaceState.ACTIVE}
        # A model that stood before is not kept loaded for the instructions that profiles had it follow.
        served = [f for f in everything if not f.instruction or f.model in in_use]
        known = [f for f in served if f.state in _AT_WORK and not f.note]
        return sum(self._advance(family) for family in known) > 0

    def close(self) -> None:
        """Let the threads end."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _advance(self, family: VectorSpace) -> bool:
        with self._database.read() as connection:  # before the look: what comes meanwhile is for the next
            newest = int(connection.execute(select(func.max(assets.c.id))).scalar() or 0)
        lacking = self._lacking(family, family.seen)
        if not lacking:
            return self._finish(family, newest)
        try:
            encoder = self._registry.get(self._registry.preset(family.encoder))
            self._embed(family, encoder, lacking)
        except Exception as error:  # whatever another model runs into, the one in use must go on
            if family.state == SpaceState.ACTIVE:
                raise  # the worker tells, and tries again
            _log.exception("the archive cannot be embedded by %s", family.fingerprint)
            with self._database.write() as connection:
                spaces.change(connection, family.fingerprint, note=spaces.error_note(error))
        return True

    def _embed(self, family: VectorSpace, encoder: Encoder, lacking: list[_MissingVector]) -> None:
        """Chunk by chunk for a moment; the next one is decoded while one is embedded."""
        end = time.monotonic() + _SLICE
        ahead = self._decode(encoder, lacking)
        while lacking and not self._stop.is_set():
            self._throttle.pause()
            current, decoded = lacking, ahead
            lacking = self._lacking(family, current[-1].id)
            ahead = self._decode(encoder, lacking)
            if not self._write(family, encoder, current, decoded) or time.monotonic() > end:
                break

    def _decode(self, encoder: Encoder, lacking: list[_MissingVector]) -> list[Future[Image.Image]]:
        limit = self._max_pixels
        return [self._pool.submit(open_prepared, self._images, encoder, each.sha256, limit) for each in lacking]

    def _write(
        self, family: VectorSpace, encoder: Encoder, chunk: list[_MissingVector], decoded: list[Future[Image.Image]]
    ) -> bool:
        """Embed and write a chunk; whether the family is still wanted."""
        images: dict[int, Image.Image] = {}
        for each, future in zip(chunk, decoded, strict=True):
            try:
                images[each.id] = future.result()
            except (OSError, PictureError) as error:
                _log.warning("picture %d cannot be embedded by %s: %s", each.id, family.fingerprint, error)
        texts = {each.id: each.text for each in chunk if each.text}
        found, failed = encode_with_bisection(
            encoder, images, family.instruction, texts if family.instruction else None
        )
        for asset_id, reason in failed.items():
            _log.warning("picture %d cannot be embedded by %s: %s", asset_id, family.fingerprint, reason)
        spoken = [i for i in found if i in texts and not family.instruction]
        passages = encoder.encode_passages([texts[i] for i in spoken]) if spoken else None
        with self._database.write() as connection:
            now = spaces.find(connection, family.fingerprint)
            if now is None or now.state != family.state:  # stopped, dropped or put to work meanwhile
                return False
            if found:
                vectors.save(connection, family.fingerprint, list(found), np.stack(list(found.values())))
            if passages is not None:
                vectors.save(connection, family.fingerprint, spoken, passages, kind="text")
            if found and not family.instruction:
                row = {"kind": "asset", "fingerprint": family.fingerprint}
                connection.execute(outbox.insert(), [row | {"key": str(i)} for i in found])
            spaces.change(connection, family.fingerprint, seen=chunk[-1].id)
        return True

    def _lacking(self, family: VectorSpace, seen: int) -> list[_MissingVector]:
        """The next pictures without a vector."""
        texts = (assets.c.title, assets.c.caption, assets.c.body)
        query = select(assets.c.id, assets.c.sha256, *texts).where(assets.c.id > seen, ~_embedded(family))
        if family.instruction:
            query = query.where(_concerns(family))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(assets.c.id).limit(_CHUNK)).all()
        return [
            _MissingVector(row.id, row.sha256, AssetText(row.title, row.caption, row.body).sentence())
            for row in rows
        ]

    def _finish(self, family: VectorSpace, newest: int) -> bool:
        """Nothing is lacking: look only at what comes from now on, and call it ready once it knows every tag."""
        if newest > family.seen:
            with self._database.write() as connection:
                spaces.change(connection, family.fingerprint, seen=newest)
        if family.state != SpaceState.BUILDING:
            return False
        library = self._libraries.of_family(family)
        if library.refresh_pack():
            return True
        if not library.is_complete():
            return False
        with self._database.write() as connection:
            spaces.change(connection, family.fingerprint, state=SpaceState.READY)
        return True


def wanted(connection: Connection, family: VectorSpace) -> int:
    """How many pictures a family should know."""
    query = select(func.count()).select_from(assets)
    return int(connection.execute(query.where(_concerns(family)) if family.instruction else query).scalar_one())


def missing(connection: Connection, family: VectorSpace) -> int:
    """How many of these have no vector of it, counted and not remembered."""
    query = select(func.count()).select_from(assets).where(~_embedded(family))
    return int(connection.execute(query.where(_concerns(family)) if family.instruction else query).scalar_one())


def _embedded(family: VectorSpace) -> ColumnElement[bool]:
    model, instruction = spaces.split(family.fingerprint)
    mine = vector_table.c.fingerprint == model, vector_table.c.instruction == instruction
    return exists().where(vector_table.c.asset_id == assets.c.id, vector_table.c.kind == "image", *mine)


def _concerns(family: VectorSpace) -> ColumnElement[bool]:
    """Pictures that came under a profile of that instruction, and those that decisions can be learned from."""
    told = select(profiles.c.id).where(profiles.c.followed, profiles.c.instruction == family.instruction)
    came = exists().where(
        items.c.asset_id == assets.c.id, batches.c.id == items.c.batch_id, batches.c.profile.in_(told)
    )
    return or_(came, exists().where(labels.c.asset_id == assets.c.id))
