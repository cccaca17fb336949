"""Background threads of a process: ingestion, fitting, indexing, curation, re-embedding, webhooks, heartbeats."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from tagging_core.analytics.service import AnalyticsService
from tagging_core.app.model_rollout import ModelRollout
from tagging_core.common.throttle import Throttle
from tagging_core.curation.service import CurationService
from tagging_core.errors import TaggingError
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.dispatcher import Dispatcher
from tagging_core.ingest.online import OnlineTagger
from tagging_core.ingest.pipeline import Pipeline
from tagging_core.ingest.reembedding import Reembedder
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.publishing.webhook_delivery import WebhookSender
from tagging_core.search.chroma_index import ChromaIndex
from tagging_core.storage.leader_election import Leadership

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5  # polling interval for work queued by other processes
_BUSY_SECONDS = 10.0  # minimum interval of reference pack and index updates while people upload or decide
_TAGS_AT_ONCE = 64
_FEEDS = 20  # index batches per such update
_REFIT_SECONDS = 1.0  # minimum interval of fits while people decide: successive reviews mark the same tags
_QUIET_SECONDS = 1.0  # without a decision for so long, nobody is deciding
_HEARTBEAT_SECONDS = 5.0  # a sixth of a lease


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The parts of the worker that do not depend on the active model.

    Attributes:
        runner: Runs leased chunks.
        broker: Delivers chunks.
        dispatcher: Publishes due chunks; used by the leader.
        threads: Number of chunks processed concurrently; 0 leaves them to other processes.
        libraries: Tag libraries, to fit those of models being built.
        index: The search index; None if this process does not search.
        reembedder: Computes missing vectors.
        models: Follows changes of the active model.
        sender: Sends webhook deliveries.
        throttle: Slows background work down while people work.
        leadership: Whether this process dispatches, fits, feeds Chroma, runs curation jobs and sends webhooks.
        embeds: Whether this process re-embeds.
    """

    runner: ChunkRunner
    broker: Broker
    dispatcher: Dispatcher
    threads: int
    libraries: LibraryRegistry
    index: ChromaIndex | None
    reembedder: Reembedder
    models: ModelRollout
    sender: WebhookSender
    throttle: Throttle
    leadership: Leadership
    embeds: Leadership


@dataclass(frozen=True, slots=True)
class ModelParts:
    """The parts of the worker that belong to the active model."""

    model: ActiveModel
    pipeline: Pipeline
    tagger: OnlineTagger
    curation: CurationService
    analytics: AnalyticsService


class Worker:
    """Runs the background threads until stopped; failed work is retried and the error shown in `trouble`.

    Args:
        parts: Parts independent of the model.
        bound: Parts of the active model; replaced by `bind`.
    """

    def __init__(self, parts: WorkerParts, bound: ModelParts) -> None:
        self._parts, self._bound, self._warm = parts, bound, False
        self._index_checked = False
        self._stop, self._closing = threading.Event(), False
        self._ingest_wake, self._learn_wake = threading.Event(), threading.Event()
        self._curate_wake, self._webhooks_wake = threading.Event(), threading.Event()
        self._embed_wake, self._heartbeat_wake = threading.Event(), threading.Event()
        loops = (
            (self._ingest, self._ingest_wake),
            (self._learn, self._learn_wake),
            (self._curate, self._curate_wake),
            (self._embed, self._embed_wake),
            (self._webhooks, self._webhooks_wake),
            (self._heartbeat, self._heartbeat_wake),
        )
        self._threads = [
            threading.Thread(target=self._loop, args=loop, name=loop[0].__name__.lstrip("_"), daemon=True)
            for loop in loops
        ]
        self._settled_at = self._indexed_at = 0.0
        self._troubles: dict[str, str] = {}  # by loop, so that the success of one does not hide another's error
        self.chroma = "opening"
        parts.throttle.is_busy = self._busy

    def bind(self, bound: ModelParts) -> None:
        """Switch to another model; chunks in progress finish with the previous one.

        Args:
            bound: Parts of the new model, which the ingest thread loads next.
        """
        self._bound, self._warm = bound, False
        self._ingest_wake.set()

    @property
    def warm(self) -> bool:
        """Whether the model is loaded."""
        return self._warm

    @property
    def trouble(self) -> str:
        """The current error, for people; empty if there is none."""
        hangs = "A chunk has been in progress for ten minutes: restart this process." if self.hangs else ""
        return next(filter(None, [hangs, self._parts.runner.trouble, *self._troubles.values()]), "")

    @property
    def hangs(self) -> bool:
        """Whether a chunk has run for so long that only ending this process can release it."""
        return self._parts.runner.hangs

    def do(self, job_id: int, n: int) -> None:
        """Process a chunk; called on the broker's threads. Errors are reported in `trouble`, not raised.

        Args:
            job_id: Id of the job.
            n: Number of the chunk within the job.
        """
        if self._parts.runner.run((job_id, n), self._bound.pipeline.run):
            self._learn_wake.set()

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Make all loops look for work now."""
        self._ingest_wake.set()
        self._learn_wake.set()
        self._curate_wake.set()
        self._webhooks_wake.set()
        self._embed_wake.set()

    def stop(self, timeout: float = 30.0) -> None:
        """Stop the threads after the chunks in progress.

        Args:
            timeout: Seconds to wait for the broker, then for each thread; whatever still runs is abandoned.
        """
        self._closing = True
        self._parts.reembedder.close()
        self._parts.broker.close(timeout)
        self._stop.set()
        self._parts.throttle.stop()
        self.wake()
        self._heartbeat_wake.set()
        for thread in self._threads:
            thread.join(timeout)
        self._parts.sender.close()
        if self._parts.index is not None:
            self._parts.index.close()

    def _loop(self, work: Callable[[], None], wake: threading.Event) -> None:
        while not self._stop.is_set():
            wake.clear()
            try:
                work()
                self._troubles[work.__name__] = ""
            except TaggingError as error:
                self._report(work.__name__, str(error))
            except Exception:
                # Whatever one round fails with, the loop has to go on.
                _log.exception("unexpected error in the worker")
                self._report(work.__name__, "The worker met an unexpected error; the log has the details.")
            wake.wait(_HEARTBEAT_SECONDS if wake is self._heartbeat_wake else _IDLE_SECONDS)

    def _report(self, loop: str, trouble: str) -> None:
        if trouble != self._troubles.get(loop):
            _log.error("%s", trouble)
        self._troubles[loop] = trouble
        self._stop.wait(2.0)

    def _ingest(self) -> None:
        if self._closing:
            return
        if not self._parts.leadership.held():
            self._parts.dispatcher.pause()
        elif self._parts.dispatcher.work():
            self._ingest_wake.set()
        if not self._warm:
            encoder = self._bound.model.encoder()
            encoder.encode_images([encoder.prepare(Image.new("RGB", (256, 256)))])  # warm-up
            gc.collect()
            self._warm = True
            gc.freeze()  # loaded modules and weights stay alive: exempt them from garbage collection
        if self._parts.threads:
            self._parts.broker.consume(self._parts.threads)

    def _heartbeat(self) -> None:
        self._parts.runner.heartbeat()

    def _learn(self) -> None:
        index = self._parts.index if self._parts.leadership.held() else None
        if index is not None and index.is_open and self._bound.model.library.pop_changed():
            index.feeder.feed_changed()  # index fresh decisions first
        self._parts.models.follow()
        if index is None:
            self._join_index()
            return
        if self._busy() and time.monotonic() - self._settled_at < _REFIT_SECONDS:
            return
        if self._bound.model.library.settle(at_most=_TAGS_AT_ONCE) >= _TAGS_AT_ONCE:
            self._learn_wake.set()  # more are pending, but the index comes first
        else:
            self._settled_at = time.monotonic()
        if not (index.is_open and self._index_checked):
            self.chroma = index.open()
            self._index_checked = True
        if self._busy() and time.monotonic() - self._indexed_at < _BUSY_SECONDS:
            return  # people who upload or decide have priority over reference pack and index
        self._indexed_at = time.monotonic()
        if self._bound.model.library.refresh_pack():
            self._bound.model.library.settle()
        elif not self._bound.model.library.pending():
            self._bound.model.library.calibrate()
        index.feeder.serve_rebuild()
        limit = _FEEDS if self._busy() else 1
        while index.feeder.feed(limit=limit) and not self._stop.is_set() and not self._busy():
            time.sleep(0)  # yield to decisions

    def _join_index(self) -> None:
        """Connect to the index that the leader maintains."""
        self._index_checked = False
        if self._parts.index is not None and not self._parts.index.is_open:
            self._parts.index.connect()
            self.chroma = "opened"

    def _embed(self) -> None:
        if self._warm and self._parts.embeds.held() and (self._parts.reembedder.work() | self._fit_others()):
            self._embed_wake.set()

    def _fit_others(self) -> bool:
        return self._parts.libraries.fit_inactive(self._bound.model.library.fingerprint)

    def _run_jobs(self) -> bool:
        return self._bound.curation.work() or self._bound.analytics.check_drift_if_due()

    def _curate(self) -> None:
        # Back-fills, proposals and drift checks need an up-to-date library and a loaded encoder.
        idle = self._warm and not self._busy() and not self._bound.model.library.pending()
        if idle and self._parts.leadership.held() and self._run_jobs():
            self._curate_wake.set()

    def _webhooks(self) -> None:
        if self._parts.leadership.held() and self._parts.sender.work():
            self._webhooks_wake.set()

    def _busy(self) -> bool:
        decided = self._bound.model.library.seconds_since_decision() < _QUIET_SECONDS
        return decided or self._parts.runner.busy or self._bound.tagger.busy()
