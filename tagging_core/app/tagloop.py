"""The composition root: holds the services, and starts and stops the background worker."""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Callable

from filelock import FileLock
from threadpoolctl import threadpool_limits

from tagging_core.app import assembly, startup
from tagging_core.app.assembly import ALWAYS, NEVER, ProcessRole, Resources, Services
from tagging_core.app.model_rollout import ModelRollout
from tagging_core.app.rebuild import rebuild
from tagging_core.app.worker import ModelParts, Worker
from tagging_core.assets.catalog import AssetCatalog
from tagging_core.common.users import User
from tagging_core.embeddings.encoders import Encoder
from tagging_core.errors import SettingsError, UnreachableError
from tagging_core.learning.active_model import ActiveModel
from tagging_core.publishing.webhooks import WebhookService
from tagging_core.settings import Settings, load_settings
from tagging_core.storage.key_values import KeyValueStore
from tagging_core.taxonomy.model import Taxonomy


class Tagloop:
    """One installation, opened by this process.

    Args:
        settings: Read from the environment if None.
        encoder: A loaded encoder to use instead of the configured one.

    Raises:
        SettingsError: A setting is invalid.
        StorageError: The data folder or the database cannot be opened.
        EncoderError: The configured model does not exist.

    Attributes:
        assets, review, bulk, ingest, search, curation, captions, analytics, webhooks, models: The services.
        tagger: Tags single pictures synchronously.
        worker: The background threads; None unless they run in this process.
    """

    def __init__(self, settings: Settings | None = None, encoder: Encoder | None = None) -> None:
        self.settings = settings or load_settings()
        self.database = startup.open_database(self.settings)
        name = f"{socket.gethostname()[:50]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        resources = self.resources = Resources(self.settings, self.database, name)
        if encoder is not None:
            resources.encoders.register(encoder)
        self.assets, self.values = AssetCatalog(self.database), KeyValueStore(self.database)
        self.webhooks = WebhookService(self.database, resources.policy, self.wake)
        self.worker: Worker | None = None
        self._services: Services | None = None
        self._lock = FileLock(self.settings.data_dir / "tagloop.lock")
        self.models = ModelRollout(
            self.database, resources.encoders, resources.libraries, bind=self._bind, wake=self.wake
        )
        self.models.open(encoder.preset.name if encoder is not None else self.settings.encoder)
        self.shown_tokens = startup.prepare(self.database, self.settings)

    def _bind(self, model: ActiveModel) -> None:
        """Rebind the services to another active model; calls in progress finish with the old ones."""
        before, services = self._services, Services(self.resources, model, self.wake)
        self._services, self.model = services, model
        self.review, self.bulk = services.review, services.bulk
        self.ingest, self.search = services.ingest, services.search
        self.curation, self.captions = services.curation, services.captions
        self.analytics, self.tagger = services.analytics, services.tagger
        self.resources.index.bind(model.fingerprint, model.library.taxonomies)
        if before is not None:
            before.tagger.close()
        if self.worker is not None:
            self.worker.bind(services.parts())

    def taxonomy(self) -> Taxonomy:
        """Return the taxonomy at the latest revision, cached until it changes."""
        return self.model.taxonomy

    def start(self, ingests: bool | None = None) -> None:
        """Run the worker in this process.

        Args:
            ingests: Whether it processes pictures; None means only if no broker is configured.

        Raises:
            BusyError: Another process runs the worker on this data folder, and Chroma is not a server.
        """
        if self.worker is not None:
            return
        if not self.settings.chroma_url:
            startup.take_over(self._lock, self.database, self.settings)
        startup.remove_leftovers(self.database, self.resources.blobs, self.settings)
        if ingests is None:
            ingests = not self.settings.queue_url
        leadership = self.resources.leader if self.settings.chroma_url else ALWAYS
        self._run(ProcessRole(ingests, True, leadership, leadership if ingests else NEVER))

    def work(self) -> None:
        """Run as a dedicated worker process: process chunks of the queue, and re-embed.

        Raises:
            SettingsError: No broker is configured, or its URL has an unknown scheme.
        """
        if not self.settings.queue_url:
            raise SettingsError("Without TAGLOOP_QUEUE_URL the console processes all pictures itself.")
        self._run(ProcessRole(True, False, NEVER, self.resources.embedding_leader))

    def _run(self, role: ProcessRole) -> None:
        self.worker = assembly.make_worker(self.resources, self.models, self._parts, role=role)
        # One BLAS thread: fits are small, and thread synchronisation would double their time.
        threadpool_limits(limits=1, user_api="blas")
        self.worker.start()

    def _parts(self) -> ModelParts:
        assert self._services is not None
        return self._services.parts()

    def close(self) -> None:
        """Stop the worker and release locks, leases and connections."""
        if self.worker is not None:
            self.worker.stop()
            self.worker = None
            with contextlib.suppress(UnreachableError):  # the leases expire anyway
                self.resources.release()
        self.tagger.close()
        self._lock.release()
        self.database.close()

    def wake(self) -> None:
        """Wake the worker, if it runs in this process."""
        if self.worker is not None:
            self.worker.wake()

    def rebuild(self, user: User, progress: Callable[[str], None] = lambda _: None) -> int:
        """Rebuild everything derived from the ledger, see `app.rebuild.rebuild`; the worker rebuilds the index.

        Args:
            user: An administrator.

        Returns:
            The number of asset events replayed.
        """
        replayed = rebuild(self.database, self.model.library, user, progress=progress)
        self.wake()
        return replayed
