"""Builds the resources, services and worker of a process."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tagging_core.analytics.service import AnalyticsService
from tagging_core.app.model_rollout import ModelRollout
from tagging_core.app.worker import ModelParts, Worker, WorkerParts
from tagging_core.assets.files import ImageFiles
from tagging_core.common.throttle import Throttle
from tagging_core.curation.service import CurationService
from tagging_core.embeddings.encoders import devices
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.dispatcher import Dispatcher
from tagging_core.ingest.online import OnlineTagger
from tagging_core.ingest.pipeline import Pipeline
from tagging_core.ingest.reembedding import Reembedder
from tagging_core.ingest.service import IngestService
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.publishing.caption_model import CaptionDrafter
from tagging_core.publishing.caption_service import CaptionService
from tagging_core.publishing.outbound_policy import OutboundPolicy, parse_targets
from tagging_core.publishing.webhook_delivery import WebhookSender
from tagging_core.publishing.webhook_payloads import payload_builder
from tagging_core.review.bulk_service import BulkReviewService
from tagging_core.review.sampling import SamplingRates
from tagging_core.review.service import ReviewService
from tagging_core.search.chroma_backends import ChromaServer, LocalChroma
from tagging_core.search.chroma_index import ChromaIndex
from tagging_core.search.searcher import Searcher
from tagging_core.settings import Settings
from tagging_core.storage import Database
from tagging_core.storage.blobs import BlobStore, open_blobs
from tagging_core.storage.leader_election import FixedLeadership, LeaderLock, Leadership

NEVER = FixedLeadership(False)
ALWAYS = FixedLeadership(True)


@dataclass(frozen=True, slots=True)
class ProcessRole:
    """Which work a process does.

    Attributes:
        ingests: Processes chunks.
        searches: Opens the Chroma index.
        leadership: Leader election for the background work that only one process may do.
        embeds: Leader election for re-embedding.
    """

    ingests: bool
    searches: bool
    leadership: Leadership
    embeds: Leadership


class Resources:
    """Resources that live as long as the process, whichever model is active.

    Args:
        settings: The settings of the installation.
        database: The store of record.
        name: Unique name of this process.
    """

    def __init__(self, settings: Settings, database: Database, name: str) -> None:
        data: Path = settings.data_dir
        self.settings, self.database, self.name = settings, database, name
        self.blobs: BlobStore = open_blobs(settings.assets_url, data)
        self.images = ImageFiles(self.blobs)
        self.encoders = EncoderRegistry(data / "models", settings.devices, settings.compile)
        self.throttle = Throttle()
        self.libraries = LibraryRegistry(database, self.encoders, self.throttle)
        self.index = ChromaIndex(
            ChromaServer(settings.chroma_url) if settings.chroma_url else LocalChroma(data / "chroma"), database
        )
        self.drafter = CaptionDrafter(database, self.images, settings.writer)
        self.policy = OutboundPolicy(parse_targets(settings.webhook_targets))
        self.leader = LeaderLock(database, "leader", name)
        self.embedding_leader = LeaderLock(database, "embed", name)

    @property
    def threads(self) -> int:
        """Number of chunks processed concurrently."""
        return self.settings.ingest_threads or devices.default_threads(self.settings.devices)

    def release(self) -> None:
        """Give up leadership, so that other processes need not wait for the leases to expire."""
        self.leader.release()
        self.embedding_leader.release()


class Services:
    """The services bound to one active model.

    Args:
        resources: Resources of the process.
        model: The active model.
        wake: Wakes the background worker.
    """

    def __init__(self, resources: Resources, model: ActiveModel, wake: Callable[[], None]) -> None:
        settings, database = resources.settings, resources.database
        rates = SamplingRates(settings.blind_share, settings.known_share, settings.second_share)
        self.model = model
        self.review = ReviewService(database, model, rates, wake=wake)
        self.bulk = BulkReviewService(self.review)
        self.ingest = IngestService(database, resources.blobs, model, ingest_root=settings.ingest_root, wake=wake)
        self.search = Searcher(database, model, resources.index)
        self.curation = CurationService(self.review, resources.images, settings.max_pixels)
        self.captions = CaptionService(database, model, resources.drafter)
        self.analytics = AnalyticsService(database, model)
        self.tagger = OnlineTagger(
            database,
            resources.images,
            model,
            threads=settings.ingest_threads or os.cpu_count() or 2,
            max_pixels=settings.max_pixels,
        )
        self.pipeline = Pipeline(
            database=database,
            images=resources.images,
            blobs=resources.blobs,
            model=model,
            max_pixels=settings.max_pixels,
        )

    def parts(self) -> ModelParts:
        """Return the parts the worker uses."""
        return ModelParts(self.model, self.pipeline, self.tagger, self.curation, self.analytics)


def make_worker(
    resources: Resources, models: ModelRollout, bound: Callable[[], ModelParts], *, role: ProcessRole
) -> Worker:
    """Return the background worker of a process, not started yet.

    Args:
        resources: Resources of the process.
        models: Follows changes of the active model.
        bound: Returns the parts bound to the active model.
        role: Which work this process does.
    """
    settings, database = resources.settings, resources.database
    resources.index.is_served = role.searches
    # The callback refers to `worker` below, which itself needs the broker.
    broker = Broker(settings.queue_url, lambda job_id, n: worker.do(job_id, n))
    parts = WorkerParts(
        runner=ChunkRunner(database, resources.name),
        broker=broker,
        dispatcher=Dispatcher(database, broker),
        threads=resources.threads if role.ingests else 0,
        libraries=resources.libraries,
        index=resources.index if role.searches else None,
        reembedder=Reembedder(
            database=database,
            images=resources.images,
            registry=resources.encoders,
            libraries=resources.libraries,
            threads=resources.threads,
            max_pixels=settings.max_pixels,
            throttle=resources.throttle,
        ),
        models=models,
        sender=WebhookSender(database, resources.policy, payload_builder(lambda: bound().model.library.taxonomies)),
        throttle=resources.throttle,
        leadership=role.leadership,
        embeds=role.embeds,
    )
    worker = Worker(parts, bound())
    return worker
