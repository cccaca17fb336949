"""The worker inside the process: threads have chunks done, teach and feed Chroma, serve pages, call webhooks."""

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
_IDLE_SECONDS = 0.5  # how soon work that another process queued is noticed
_BUSY_SECONDS = 10.0  # how often pack and index get a turn while people upload or decide
_TAGS_AT_ONCE = 64
_FEEDS = 20  # portions that the index gets at one of these turns
_TOGETHER_SECONDS = 1.0  # how often tags are fitted that wait, while people decide: each review marks the same
_QUIET_SECONDS = 1.0  # without a decision, until they are thought not to
_BEAT_SECONDS = 5.0  # a sixth of a lease


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the threads of a process work with, whichever model is active.

    Attributes:
        runner: Leases chunks while they are processed.
        broker: Delivers chunks.
        dispatcher: Publishes due chunks; the leader does.
        threads: Chunks processed at once; 0 if other processes do them all.
        libraries: Those of models that are being built are fitted in the background.
        index: Is opened and fed; None if this process searches nothing.
        reembedder: Embeds what vector spaces lack.
        models: Follows another active model, whichever process activated it.
        sender: Sends webhook deliveries.
        throttle: Is told when people need the machine.
        leadership: Whether this process dispatches, fits, feeds Chroma, runs curation's jobs and sends webhooks.
        embeds: Whether it is the one that re-embeds.
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
    """What they work with that belongs to the active model."""

    model: ActiveModel
    pipeline: Pipeline
    tagger: OnlineTagger
    curation: CurationService
    analytics: AnalyticsService


class Worker:
    """Runs the background threads until stopped; errors show in `trouble` and are retried.

    Args:
        parts: What it works with.
        bound: What it works with of the active model.
    """

    def __init__(self, parts: WorkerParts, bound: ModelParts) -> None:
        self._parts, self._bound, self._warm = parts, bound, False
        self._index_checked = False
        self._stop, self._closing = threading.Event(), False
        self._ingest_wake, self._teach_wake = threading.Event(), threading.Event()
        self._curate_wake, self._tell_wake = threading.Event(), threading.Event()
        self._embed_wake, self._beat_wake = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(self._ingest, self._ingest_wake), name="ingest", daemon=True),
            threading.Thread(target=self._loop, args=(self._teach, self._teach_wake), name="teach", daemon=True),
            threading.Thread(target=self._loop, args=(self._curate, self._curate_wake), name="curate", daemon=True),
            threading.Thread(target=self._loop, args=(self._embed, self._embed_wake), name="embed", daemon=True),
            threading.Thread(target=self._loop, args=(self._tell, self._tell_wake), name="tell", daemon=True),
            threading.Thread(target=self._loop, args=(self._beat, self._beat_wake), name="beat", daemon=True),
        ]
        self._settled = self._served = 0.0
        self._troubles: dict[str, str] = {}  # by loop, so that one going well does not hide the other's
        self.chroma = "opening"
        parts.throttle.is_busy = self._busy

    def bind(self, bound: ModelParts) -> None:
        """Switch to another model; a chunk in progress ends with the one it began with."""
        self._bound, self._warm = bound, False
        self._ingest_wake.set()

    @property
    def warm(self) -> bool:
        """Whether the model is loaded."""
        return self._warm

    @property
    def trouble(self) -> str:
        """What keeps the worker from its work now; empty if nothing does."""
        hangs = "Pictures have been in work for ten minutes: start this process anew." if self.hangs else ""
        return next(filter(None, [hangs, self._parts.runner.trouble, *self._troubles.values()]), "")

    @property
    def hangs(self) -> bool:
        """Whether a chunk here takes so long that only an end of this process can free what it holds."""
        return self._parts.runner.hangs

    def do(self, job_id: int, n: int) -> None:
        """Do a chunk, on a thread of the queue's."""
        if self._parts.runner.run((job_id, n), self._bound.pipeline.run):
            self._teach_wake.set()

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._ingest_wake.set()
        self._teach_wake.set()
        self._curate_wake.set()
        self._tell_wake.set()
        self._embed_wake.set()

    def stop(self, timeout: float = 30.0) -> None:
        """End after the chunks in work, which are held until then."""
        self._closing = True
        self._parts.reembedder.close()
        self._parts.broker.close(timeout)
        self._stop.set()
        self._parts.throttle.stop()
        self.wake()
        self._beat_wake.set()
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
                # The loop must outlive whatever one round runs into, or nobody's work goes on.
                _log.exception("the worker met an unexpected error")
                self._report(work.__name__, "The worker met an unexpected error; the log has the details.")
            wake.wait(_BEAT_SECONDS if wake is self._beat_wake else _IDLE_SECONDS)

    def _report(self, loop: str, trouble: str) -> None:
        if trouble != self._troubles.get(loop):
            _log.error("%s", trouble)
        self._troubles[loop] = trouble
        self._stop.wait(2.0)

    def _ingest(self) -> None:
        if self._closing:
            return
        if not self._parts.leadership.held():
            self._parts.dispatcher.rest()
        elif self._parts.dispatcher.work():
            self._ingest_wake.set()
        if not self._warm:
            encoder = self._bound.model.encoder()
            encoder.encode_images([encoder.prepare(Image.new("RGB", (256, 256)))])  # the first run is the slowest
            gc.collect()
            self._warm = True
            gc.freeze()  # what is imported by now never dies: no collection need look at it again
        if self._parts.threads:
            self._parts.broker.consume(self._parts.threads)

    def _beat(self) -> None:
        self._parts.runner.heartbeat()

    def _teach(self) -> None:
        index = self._parts.index if self._parts.leadership.held() else None
        if index is not None and index.is_open and self._bound.model.library.pop_taught():
            index.feed_taught()  # what a person just decided is in Chroma before anything else is done
        self._parts.models.follow()
        if index is None:
            self._join_index()
            return
        if self._busy() and time.monotonic() - self._settled < _TOGETHER_SECONDS:
            return
        if self._bound.model.library.settle(at_most=_TAGS_AT_ONCE) >= _TAGS_AT_ONCE:
            self._teach_wake.set()  # there is more; but Chroma gets its turn first
        else:
            self._settled = time.monotonic()
        if not (index.is_open and self._index_checked):
            self.chroma = index.open()
            self._index_checked = True
        if self._busy() and time.monotonic() - self._served < _BUSY_SECONDS:
            return  # the pack and the index can wait a little, a person who uploads or decides should not
        self._served = time.monotonic()
        if self._bound.model.library.refresh_pack():
            self._bound.model.library.settle()
        elif not self._bound.model.library.pending():
            self._bound.model.library.calibration.update()
        index.serve_rebuild()
        portions = _FEEDS if self._busy() else 1
        while index.feed(limit=portions) and not self._stop.is_set() and not self._busy():
            time.sleep(0)  # let decisions in between

    def _join_index(self) -> None:
        """Search what another process keeps in order."""
        self._index_checked = False
        if self._parts.index is not None and not self._parts.index.is_open:
            self._parts.index.connect()
            self.chroma = "opened"

    def _embed(self) -> None:
        if self._warm and self._parts.embeds.held() and (self._parts.reembedder.work() | self._fit_others()):
            self._embed_wake.set()

    def _fit_others(self) -> bool:
        return self._parts.libraries.teach_others(self._bound.model.library.fingerprint)

    def _run_jobs(self) -> bool:
        return self._bound.curation.work() or self._bound.analytics.check_drift_if_due()

    def _curate(self) -> None:
        # Back-fills, proposals and the check for drift rest on a settled library, and on an encoder for names.
        idle = self._warm and not self._busy() and not self._bound.model.library.pending()
        if idle and self._parts.leadership.held() and self._run_jobs():
            self._curate_wake.set()

    def _tell(self) -> None:
        if self._parts.leadership.held() and self._parts.sender.work():
            self._tell_wake.set()

    def _busy(self) -> bool:
        decided = self._bound.model.library.seconds_since_decision() < _QUIET_SECONDS
        return decided or self._parts.runner.busy or self._bound.tagger.busy()
