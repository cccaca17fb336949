"""Puts together what works in the background of a process, from the parts that its Tagloop holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tagging_core.delivering import Deliverer
from tagging_core.embedding import Embedder
from tagging_core.encoders import devices
from tagging_core.ingest import Ingester
from tagging_core.insights import drift
from tagging_core.worker import Worker

if TYPE_CHECKING:
    from tagging_core.tagloop import Tagloop


def make_ingester(loop: Tagloop) -> Ingester:
    """What works off batches with the model in use now."""
    preset = loop.preset
    return Ingester(
        database=loop.database,
        archive=loop.archive,
        preset=preset,
        encoder=lambda: loop.shelf.get(preset),
        suggester=loop.suggester,
        threads=_threads(loop),
        max_pixels=loop.settings.max_pixels,
        worker=loop.name,
    )


def make_embedder(loop: Tagloop) -> Embedder:
    """What embeds pictures that families of vectors lack."""
    return Embedder(
        database=loop.database,
        archive=loop.archive,
        shelf=loop.shelf,
        libraries=loop.libraries,
        threads=_threads(loop),
        max_pixels=loop.settings.max_pixels,
        give_way=loop.give_way,
    )


def make_worker(loop: Tagloop, embedder: Embedder, deliverer: Deliverer, steward: Callable[[], bool]) -> Worker:
    """The threads of a process that do all of it, or, if another process is the steward, ingest alone."""

    def background() -> bool:
        return loop.curator.work() or drift.check_if_due(loop.database, loop.library, loop.taxonomy())

    return Worker(
        ingester=make_ingester(loop),
        library=loop.library,
        teach_others=lambda: loop.libraries.teach_others(loop.library.fingerprint),
        index=loop.index,
        encoder=loop.encoder,
        embed=embedder.work,
        follow=loop.follow,
        background=background,
        deliver=deliverer.work,
        occupied=lambda: loop.tagger.busy(),
        steward=steward,
    )


def _threads(loop: Tagloop) -> int:
    return loop.settings.ingest_threads or devices.feeders(loop.settings.devices)
