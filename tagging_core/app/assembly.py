"""Puts together what works in the background of a process, from the parts that its Tagloop holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagging_core.analytics import drift
from tagging_core.app.worker import Worker
from tagging_core.embeddings.encoders import devices
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.dispatcher import Dispatcher
from tagging_core.ingest.pipeline import Pipeline
from tagging_core.ingest.reembedding import Reembedder
from tagging_core.publishing.webhook_delivery import WebhookSender

if TYPE_CHECKING:
    from tagging_core.app.tagloop import Tagloop


@dataclass(frozen=True, slots=True)
class ProcessRole:
    """What a process does of all the work there is.

    Attributes:
        ingests: It does chunks.
        searches: It opens Chroma.
        steward: Whether it does what only one process may do.
        embeds: Whether it embeds anew, which also only one may.
    """

    ingests: bool
    searches: bool
    is_leader: Callable[[], bool]
    embeds: Callable[[], bool]


def make_ingester(loop: Tagloop) -> Pipeline:
    """What works off batches with the model in use now."""
    preset = loop.preset
    return Pipeline(
        database=loop.database,
        archive=loop.archive,
        blobs=loop.blobs,
        preset=preset,
        encoder=lambda: loop.registry.get(preset),
        suggester=loop.suggester,
        max_pixels=loop.settings.max_pixels,
    )


def make_embedder(loop: Tagloop) -> Reembedder:
    """What embeds pictures that families of vectors lack."""
    return Reembedder(
        database=loop.database,
        archive=loop.archive,
        registry=loop.registry,
        libraries=loop.libraries,
        threads=_threads(loop),
        max_pixels=loop.settings.max_pixels,
        give_way=loop.give_way,
    )


def make_worker(loop: Tagloop, embedder: Reembedder, deliverer: WebhookSender, role: ProcessRole) -> Worker:
    """The threads of a process that do all of it, or what its role is."""

    def background() -> bool:
        return loop.curator.work() or drift.check_if_due(loop.database, loop.library, loop.taxonomy())

    # The queue's threads know the worker, which knows the queue.
    messages = Broker(loop.settings.queue_url, lambda job_id, n: worker.do(job_id, n))
    worker = Worker(
        holder=ChunkRunner(loop.database, loop.name),
        ingester=make_ingester(loop),
        messages=messages,
        dispatcher=Dispatcher(loop.database, messages),
        threads=_threads(loop) if role.ingests else 0,
        library=loop.library,
        teach_others=lambda: loop.libraries.teach_others(loop.library.fingerprint),
        index=loop.index if role.searches else None,
        encoder=loop.encoder,
        embed=embedder.work,
        follow=loop.follow,
        background=background,
        deliver=deliverer.work,
        occupied=lambda: loop.tagger.busy(),
        steward=role.is_leader,
        embeds=role.embeds,
    )
    return worker


def _threads(loop: Tagloop) -> int:
    return loop.settings.ingest_threads or devices.default_threads(loop.settings.devices)
