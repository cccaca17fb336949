"""Installations with photos whose starter tags were judged by eye."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ingest import wait_idle
from tagging_core import Settings, Tagloop
from tagging_core.assets import repository
from tagging_core.assets.files import sha256_of
from tagging_core.common.users import local_user
from tagging_core.embeddings.encoders import Encoder
from tagging_core.learning.labelled_photos import LabelledPhoto, embed_photos
from tagging_core.learning.starter_training import build_starter
from tagging_core.taxonomy import Taxonomy

USER = local_user("benchmark")


@dataclass(frozen=True, slots=True)
class Fold:
    """Photos to judge.

    Attributes:
        photos: In the order of the file.
        starter: A starter file's content, fitted to the photos of the other folds; None for the one that ships.
    """

    photos: list[LabelledPhoto]
    starter: bytes | None


def folds(photos: Sequence[LabelledPhoto], encoder: Encoder, taxonomy: Taxonomy, *, count: int) -> Iterator[Fold]:
    """Yield random folds of photos, each with a starter that was fitted to the others; with count 0, one fold."""
    if not count:
        yield Fold(list(photos), None)
        return
    vectors = embed_photos(photos, encoder, 100_000_000)
    order = np.random.default_rng(0).permutation(len(photos))
    for part in np.array_split(order, count):
        rest = sorted(set(range(len(photos))) - set(part.tolist()))
        starter = build_starter(encoder, [photos[n] for n in rest], taxonomy, pictures=vectors[rest])
        yield Fold([photos[n] for n in sorted(part.tolist())], starter.to_bytes())


@contextmanager
def installation(encoder: Encoder, starter: bytes | None) -> Iterator[Tagloop]:
    """Start a new installation, with a starter instead of the one that ships if there is one."""
    with tempfile.TemporaryDirectory() as name:
        loop = Tagloop(Settings(data_dir=Path(name)), encoder=encoder)
        try:
            if starter is not None:
                loop.models.starter.adopt(USER, starter)
            loop.model.library.settle()
            loop.start()
            yield loop
        finally:
            loop.close()


def ingest(loop: Tagloop, photos: Sequence[LabelledPhoto], profile: str) -> list[int]:
    """Ingest photos and wait until they can be searched; return their asset ids."""
    batch_id = loop.ingest.ingest_paths(USER, [photo.path for photo in photos], profile)
    while loop.ingest.batch(batch_id).state == "running":
        time.sleep(0.05)
    wait_idle(loop)
    with loop.database.read() as connection:
        return [repository.resolve(connection, sha256_of(photo.path.read_bytes())).id for photo in photos]
