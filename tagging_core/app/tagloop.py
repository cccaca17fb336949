"""Tagloop in one object: what the console, the command line and a CMS call."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection
from threadpoolctl import threadpool_limits

from tagging_core.app import assembly
from tagging_core.app.assembly import ProcessRole
from tagging_core.app.model_rollout import ModelRollout, active_model
from tagging_core.app.worker import Worker
from tagging_core.assets import protected, repository
from tagging_core.assets.files import ImageFiles
from tagging_core.common.users import Action, User, require
from tagging_core.curation import CurationService
from tagging_core.curation.instruction_trial import InstructionTrial
from tagging_core.curation.proposals import store
from tagging_core.embeddings import spaces
from tagging_core.embeddings.encoders import Encoder, Preset, Vectors
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.errors import BusyError, SettingsError, SourceError, StorageError, UnreachableError
from tagging_core.ingest import batches, chunks, sources
from tagging_core.ingest.batches import Batch
from tagging_core.ingest.online import OnlineTagger
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.learning.suggestions import Suggester
from tagging_core.learning.text_evidence import TextEvidence
from tagging_core.ledger import projection, taxonomy_store
from tagging_core.publishing import captions, webhook_payloads
from tagging_core.publishing.caption_model import CaptionDrafter
from tagging_core.publishing.caption_templates import Description
from tagging_core.publishing.captions import Captions
from tagging_core.publishing.outbound_policy import OutboundPolicy, parse_targets
from tagging_core.publishing.webhook_delivery import WebhookSender
from tagging_core.review.bulk_service import BulkReviewService
from tagging_core.review.sampling import SamplingRates
from tagging_core.review.service import ReviewService
from tagging_core.search import ANY, Filters, Found, Hit, Searcher, chroma_index
from tagging_core.search.chroma_backends import ChromaServer, LocalChroma
from tagging_core.search.chroma_index import ChromaIndex
from tagging_core.settings import Settings, load_settings
from tagging_core.storage import Database, key_values
from tagging_core.storage.blobs import open_blobs
from tagging_core.storage.leader_election import LeaderLock
from tagging_core.taxonomy.model import Taxonomy

_log = logging.getLogger(__name__)

_STAGING_SECONDS = 86_400.0  # by then whoever staged files has queued them, or is gone

SAMPLES = Path(__file__).parents[2] / "data" / "demo"


class Tagloop(ReviewService):
    """The whole of it over one data folder.

    Opening it twice is fine; `start`, which runs the worker and opens Chroma, succeeds in one process only, unless
    Chroma is a server: then processes share the work.

    Args:
        settings: Read from the environment if None.
        encoder: A loaded encoder to use in place of the one the settings name.
    """

    def __init__(self, settings: Settings | None = None, encoder: Encoder | None = None) -> None:
        self.settings = settings or load_settings()
        data = self.settings.data_dir
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The data folder {data} cannot be made: {error.strerror}.") from error
        database = Database(self.settings.database)
        database.migrate()
        self.blobs = open_blobs(self.settings.assets_url, self.settings.data_dir)
        self.archive = ImageFiles(self.blobs)
        self.registry = EncoderRegistry(data / "models", self.settings.devices, self.settings.compile)
        if encoder is not None:
            self.registry.register(encoder)
        wanted = encoder.preset.name if encoder is not None else self.settings.encoder
        self.preset = active_model(database, self.registry, wanted)
        self.libraries = LibraryRegistry(database, self.registry, self.give_way)
        library = self.libraries.of(self.preset)
        place = ChromaServer(self.settings.chroma_url) if self.settings.chroma_url else LocalChroma(data / "chroma")
        self.index = ChromaIndex(place, database, self.preset.fingerprint, library.taxonomies)
        self._changing = threading.Lock()
        rates = SamplingRates(self.settings.blind_share, self.settings.known_share, self.settings.second_share)
        super().__init__(database, library, self._suggester(), self.encoder, rates)
        self._serve()
        self.light_table = BulkReviewService(self)
        self.models = ModelRollout(database, self.registry, self.libraries, self._models_changed)
        self.drafter = CaptionDrafter(database, self.archive, library, self.settings.writer)
        self.targets = OutboundPolicy(parse_targets(self.settings.webhook_targets))
        self.worker: Worker | None = None
        self.name = f"{socket.gethostname()[:50]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock = FileLock(data / "tagloop.lock")
        self._steward, self._embeds = (
            LeaderLock(database, "steward", self.name),
            LeaderLock(database, "embed", self.name),
        )
        self._prepare()

    # ---- the process --------------------------------------------------------------------------------------

    def encoder(self) -> Encoder:
        """The encoder, loaded at the first call; slow then.

        Raises:
            EncoderError: It cannot be loaded.
        """
        return self.registry.get(self.preset)

    def start(self, ingests: bool | None = None) -> None:
        """Run the worker in this process.

        Args:
            ingests: Whether it takes pictures in; None leaves that to the queue's workers, if there is a queue.

        Raises:
            BusyError: Another process runs it on the same data folder, and Chroma is a folder there.
        """
        if self.worker is not None:
            return
        if not self.settings.chroma_url:
            self._have_to_itself()
        self._remove_leftovers()
        if ingests is None:
            ingests = not self.settings.queue_url
        steward = self._steward.held if self.settings.chroma_url else lambda: True
        embeds = steward if ingests else lambda: False
        self._run(ProcessRole(ingests=ingests, searches=True, is_leader=steward, embeds=embeds))

    def work(self) -> None:
        """Do the work that the queue brings, and embed anew, in a process that is there for this alone.

        Raises:
            SettingsError: There is no queue.
        """
        if not self.settings.queue_url:
            raise SettingsError("Without TAGLOOP_QUEUE_URL the console does the work of workers by itself.")
        self._run(ProcessRole(ingests=True, searches=False, is_leader=lambda: False, embeds=self._embeds.held))

    def close(self) -> None:
        """Stop the worker and let go of everything."""
        if self.worker is not None:
            self._embedder.close()
            self.worker.stop()
            self._deliverer.close()
            self.worker = None
            with contextlib.suppress(UnreachableError):  # they end by themselves
                for duty in (self._steward, self._embeds):
                    duty.release()
        self.tagger.close()
        self._lock.release()
        self.database.close()

    def wake(self) -> None:
        """Tell the worker, if it runs here, that there is work."""
        if self.worker is not None:
            self.worker.wake()

    def give_way(self) -> None:
        """Wait a little where people or programs need the machine."""
        if self.worker is not None:
            self.worker.give_way()

    def follow(self) -> None:
        """Go on with the model in use, if another process or a person put another one to work."""
        with self._changing, self.database.read() as connection:
            standing = spaces.active(connection)
            if standing is not None and standing.fingerprint != self.preset.fingerprint:
                self._change_model(self.registry.preset(standing.encoder))
        self.models.tell(self.preset, self.library.taxonomies)
        self._see_instructions()

    # ---- ingest -------------------------------------------------------------------------------------------

    def upload(self, user: User, files: Iterable[tuple[str, bytes]], profile: str, name: str = "") -> int:
        """Queue uploaded files, zips among them, as a batch.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            SourceError: There is nothing in it.
            StorageError: The disk is full; nothing was queued.
        """
        return self._submit(user, lambda prefix: sources.stage_uploads(files, self.blobs, prefix), profile, name)

    def ingest_paths(self, user: User, paths: Sequence[Path], profile: str, name: str = "") -> int:
        """Queue files, folders and zips that lie on this machine; for callers who may read them anyway."""

        def entries(prefix: str) -> list[sources.Entry]:
            found: list[sources.Entry] = []
            for path in paths:
                if path.is_file() and path.suffix.lower() == ".zip":
                    found += sources.stage_zip(path, path.name, self.blobs, f"{prefix}/{len(found)}")
                else:
                    found += sources.list_path(path)
            return found

        return self._submit(user, entries, profile, name or ", ".join(p.name or str(p) for p in paths))

    def ingest_server_path(self, user: User, path: str, profile: str) -> int:
        """Queue what an editor names below TAGLOOP_INGEST_ROOT."""
        found = sources.within_root(path, self.settings.ingest_root)
        return self.ingest_paths(user, [found], profile)

    def ingest_samples(self, user: User) -> int:
        """Queue the sample photos that ship with Tagloop."""
        if not SAMPLES.is_dir():
            raise SourceError("The sample photos are not here: data/demo is missing from this installation.")
        return self.ingest_paths(user, [SAMPLES], "e-commerce", "Sample photos")

    def batch(self, batch_id: int) -> Batch:
        """A batch and how far it has come."""
        with self.database.read() as connection:
            return batches.get(connection, batch_id)

    def stop_batch(self, user: User, batch_id: int) -> None:
        """Stop a batch after the chunk in work."""
        require(user, Action.UPLOAD)
        with self.database.write() as connection:
            batches.stop(connection, batch_id, f"Stopped by {user.name}.")

    def resume_batch(self, user: User, batch_id: int) -> None:
        """Let a stopped batch go on."""
        require(user, Action.UPLOAD)
        with self.database.write() as connection:
            batches.resume(connection, batch_id)
        self.wake()

    # ---- search and descriptions --------------------------------------------------------------------------

    def search(
        self,
        text: str = "",
        like: Sequence[int] = (),
        unlike: Sequence[int] = (),
        filters: Filters = ANY,
        limit: int = 60,
        pictures: Sequence[Vectors] = (),
    ) -> Found:
        """See `Searcher.search`.

        Raises:
            BusyError: Another process has the index, or it is not open yet.
        """
        self._require_index()
        return self.searcher.search(text, like, unlike, filters, limit, pictures)

    def recommend(self, asset_id: int, filters: Filters = ANY, limit: int = 8) -> list[Hit]:
        """See `Searcher.recommend`."""
        self._require_index()
        return self.searcher.recommend(asset_id, filters, limit)

    def collect(self, user: User, asset_ids: Sequence[int], profile: str, name: str) -> int:
        """Put pictures that are here already into a batch of their own, to be reviewed together; its id."""
        with self.database.write(durable=True) as connection:
            chosen = self.library.taxonomies.load(connection).profile(profile)
            found = repository.get_many(connection, list(dict.fromkeys(asset_ids)))
            if not found:
                raise SourceError("There are no pictures to put into a batch.")
            pictures = [(asset.id, asset.name, False) for asset in found]
            return batches.join(connection, user, name.strip() or "Found pictures", chosen, pictures, fresh=True)

    def describe(self, user: User, asset_id: int, words: Description) -> Captions:
        """Write a picture's title, caption or alt text; a part that is empty follows the tags."""
        with self.database.write(durable=True) as connection:
            taxonomy = self.library.taxonomies.load(connection)
            captions.write(connection, user, asset_id, words, taxonomy)
            asset = repository.get(connection, asset_id)
            return captions.describe(connection, taxonomy, [asset], words.language)[asset_id]

    # ---- the tag library ----------------------------------------------------------------------------------

    def taxonomy(self) -> Taxonomy:
        """The taxonomy at the latest revision, from memory when nothing changed."""
        return self.library.matrix().taxonomy

    def rebuild(self, user: User, progress: Callable[[str], None] = lambda _: None) -> int:
        """Make everything that is derived anew from the ledger.

        Returns:
            How many asset events were replayed.
        """
        require(user, Action.OPERATE)
        with self.database.write(durable=True) as connection:
            progress("replaying the ledger")
            taxonomy_store.replay(connection)
            protected.replay(connection)
            store.replay(connection)
            captions.replay(connection)
            replayed = projection.replay(connection, taxonomy_store.load(connection))
        progress("fitting the tags")
        self.library.settle()
        with self.database.write() as connection:
            key_values.put(connection, chroma_index.REBUILD, "yes")
        self.wake()
        return replayed

    # ---- helpers ------------------------------------------------------------------------------------------

    def _run(self, role: ProcessRole) -> None:
        self._deliverer = WebhookSender(
            self.database, self.targets, webhook_payloads.payload_builder(lambda: self.library.taxonomies)
        )
        self._embedder = assembly.make_embedder(self)
        self.worker = assembly.make_worker(self, self._embedder, self._deliverer, role)
        # One thread for linear algebra: fits are small, and threads that wait for one another double their time.
        threadpool_limits(limits=1, user_api="blas")
        self.worker.start()

    def _have_to_itself(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(
                f"Another Tagloop console runs on {self.settings.data_dir.absolute()}. Use that one, stop it, "
                "or give this one its own folder with TAGLOOP_DATA_DIR."
            ) from None
        with self.database.write() as connection:
            if not self.settings.queue_url:
                chunks.release_all(connection)  # whoever held them is gone: we have the lock
            if key_values.zone_of(connection) != self.settings.zone:
                self._count_figures(connection)

    def _remove_leftovers(self) -> None:
        with self.database.read() as connection:
            needed = batches.staged_sources(connection)
        alone = not (self.settings.chroma_url or self.settings.queue_url or self.settings.assets_url)
        with contextlib.suppress(UnreachableError):  # the next start sees to them
            sources.remove_leftovers(self.blobs, needed, 0.0 if alone else _STAGING_SECONDS)

    def _require_index(self) -> None:
        if self.worker is None:
            raise BusyError(
                "Searching takes the index, which only the process that runs the worker may open: search by its "
                "console or REST service, or call start() here if none runs."
            )

    def _suggester(self) -> Suggester:
        preset = self.preset
        return Suggester(self.libraries, preset, TextEvidence(lambda: self.registry.get(preset)))

    def _serve(self) -> None:
        """Make what works with the model in use."""
        preset, library = self.preset, self.library

        def encoder() -> Encoder:
            return self.registry.get(preset)

        self.curator = CurationService(self, encoder)
        self.searcher = Searcher(self.database, library, self.index, preset, encoder)
        self.previewer = InstructionTrial(self.database, self.archive, library, encoder, self.settings.max_pixels)
        self.tagger = OnlineTagger(
            self.database,
            self.archive,
            encoder,
            self.suggester,
            threads=self.settings.ingest_threads or os.cpu_count() or 2,
            max_pixels=self.settings.max_pixels,
        )
        self._see_instructions()

    def _see_instructions(self) -> None:
        with self.database.read() as connection:
            told = [f for f in spaces.list_all(connection) if f.instruction and f.model == self.preset.fingerprint]
        self.instructed = [self.libraries.of(self.preset, family.instruction) for family in told]

    def _models_changed(self) -> None:
        self.follow()
        self.wake()

    def _change_model(self, preset: Preset) -> None:
        old, tagger = self.preset, self.tagger
        self.preset = preset
        self.use(self.libraries.of(preset), self._suggester())
        self.index.fingerprint = preset.fingerprint
        self._serve()
        tagger.close()
        if self.worker is not None:
            self.worker.use(assembly.make_ingester(self), self.library)
        _log.info("%s took the place of %s", preset.fingerprint, old.fingerprint)

    def _prepare(self) -> None:
        with self.database.write() as connection:
            taxonomy_store.ensure_starter(connection)
            # Figures are counted by one zone, whichever process writes; the console may change it, see `start`.
            if not key_values.get(connection, key_values.ZONE):
                self._count_figures(connection)

    def _count_figures(self, connection: Connection) -> None:
        zone = self.settings.zone
        _log.info(
            "counting the charts' figures by the days of %s; with millions of decisions it takes minutes", zone
        )
        projection.recount(connection, zone, taxonomy_store.load(connection).redirects)

    def _submit(self, user: User, stage: Callable[[str], list[sources.Entry]], profile: str, name: str) -> int:
        require(user, Action.UPLOAD)
        prefix = f"{sources.INCOMING}/{uuid.uuid4().hex}"
        try:
            entries = stage(prefix)
            with self.database.write(durable=True) as connection:
                chosen = self.library.taxonomies.load(connection).profile(profile)
                batch_id = batches.submit(connection, user, name or sources.title(entries), chosen, entries)
        except BaseException:
            with contextlib.suppress(UnreachableError):  # else they are leftovers, see `sources`
                for name in self.blobs.older_than(prefix, 0.0):
                    self.blobs.remove(name)
            raise
        self.wake()
        return batch_id
