"""The worker inside the process: threads have chunks done, teach and feed Chroma, serve pages, call webhooks."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable

from PIL import Image

from tagging_core.embeddings.encoders import Encoder
from tagging_core.errors import TaggingError
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.dispatcher import Dispatcher
from tagging_core.ingest.pipeline import Pipeline
from tagging_core.learning.library import TagLibrary
from tagging_core.search.chroma_index import ChromaIndex

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5  # how soon work that another process queued is noticed
_BUSY_SECONDS = 10.0  # how often pack and index get a turn while people upload or decide
_TAGS_AT_ONCE = 64
_FEEDS = 20  # portions that the index gets at one of these turns
_GIVE_WAY = 0.2  # seconds between two chunks that are embedded anew while people work
_TOGETHER_SECONDS = 1.0  # how often tags are fitted that wait, while people decide: each review marks the same
_QUIET_SECONDS = 1.0  # without a decision, until they are thought not to
_BEAT_SECONDS = 5.0  # a sixth of a lease


class Worker:
    """Runs until stopped; errors are shown by `trouble` and tried again.

    Args:
        holder: Holds chunks while they are in work.
        ingester: Does them.
        messages: Bring them.
        dispatcher: Has all processes told of them.
        threads: Chunks in work at once; 0 if other processes do them all.
        library: Is taught.
        teach_others: Teaches the libraries of other families some of what they lack; whether there was any.
        embed: Does a piece of what families of vectors lack; whether there was any.
        follow: Goes on with another model if one was put to work, by whichever process.
        index: Is opened and fed; None if this process searches nothing.
        encoder: Loads the encoder, which is done at once, so that the first upload need not wait for it.
        background: Does a piece of what owners and managers wait for; whether there was any.
        deliver: Tries to tell what webhooks are to be told; whether there was anything.
        occupied: Whether a program waits for tags, which everything else should give way to.
        steward: Whether this process, of all that share a database, is the one that does what must not be done
            twice: it has chunks done, teaches, feeds Chroma, serves owners' and managers' pages and calls webhooks.
        embeds: Whether it is the one that embeds anew.
    """

    def __init__(
        self,
        *,
        holder: ChunkRunner,
        ingester: Pipeline,
        messages: Broker,
        dispatcher: Dispatcher,
        threads: int,
        library: TagLibrary,
        teach_others: Callable[[], bool],
        index: ChromaIndex | None,
        encoder: Callable[[], Encoder],
        embed: Callable[[], bool],
        follow: Callable[[], None],
        background: Callable[[], bool],
        deliver: Callable[[], bool],
        occupied: Callable[[], bool],
        steward: Callable[[], bool],
        embeds: Callable[[], bool],
    ) -> None:
        self._holder = holder
        self._messages, self._dispatcher, self._chunks_at_once = messages, dispatcher, threads
        self._teach_others, self._embed_more, self._follow = teach_others, embed, follow
        self._background, self._deliver, self._occupied = background, deliver, occupied
        self._index, self._encoder = index, encoder
        self._steward, self._embeds, self._looked = steward, embeds, False
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
        self.use(ingester, library)
        self._troubles: dict[str, str] = {}  # by loop, so that one going well does not hide the other's
        self.chroma = "opening"

    def use(self, ingester: Pipeline, library: TagLibrary) -> None:
        """Go on with another model; a chunk in work ends with the one it began with."""
        self._ingester, self._library, self._warm = ingester, library, False
        self._ingest_wake.set()

    @property
    def warm(self) -> bool:
        """Whether the model is loaded."""
        return self._warm

    @property
    def trouble(self) -> str:
        """What keeps the worker from its work now; empty if nothing does."""
        hangs = "Pictures have been in work for ten minutes: start this process anew." if self.hangs else ""
        return next(filter(None, [hangs, self._holder.trouble, *self._troubles.values()]), "")

    @property
    def hangs(self) -> bool:
        """Whether a chunk here takes so long that only an end of this process can free what it holds."""
        return self._holder.hangs

    def do(self, job_id: int, n: int) -> None:
        """Do a chunk, on a thread of the queue's."""
        if self._holder.run((job_id, n), self._ingester.run):
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
        self._messages.close(timeout)
        self._stop.set()
        self.wake()
        self._beat_wake.set()
        for thread in self._threads:
            thread.join(timeout)
        if self._index is not None:
            self._index.close()

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
        if not self._steward():
            self._dispatcher.rest()
        elif self._dispatcher.work():
            self._ingest_wake.set()
        if not self._warm:
            encoder = self._encoder()
            encoder.encode_images([encoder.prepare(Image.new("RGB", (256, 256)))])  # the first run is the slowest
            gc.collect()
            self._warm = True
            gc.freeze()  # what is imported by now never dies: no collection need look at it again
        if self._chunks_at_once:
            self._messages.consume(self._chunks_at_once)

    def _beat(self) -> None:
        self._holder.heartbeat()

    def _teach(self) -> None:
        index = self._index if self._steward() else None
        if index is not None and index.is_open and self._library.pop_taught():
            index.feed_taught()  # what a person just decided is in Chroma before anything else is done
        self._follow()
        if index is None:
            self._join_index()
            return
        if self._busy() and time.monotonic() - self._settled < _TOGETHER_SECONDS:
            return
        if self._library.settle(at_most=_TAGS_AT_ONCE) >= _TAGS_AT_ONCE:
            self._teach_wake.set()  # there is more; but Chroma gets its turn first
        else:
            self._settled = time.monotonic()
        if not (index.is_open and self._looked):
            self.chroma = index.open()
            self._looked = True
        if self._busy() and time.monotonic() - self._served < _BUSY_SECONDS:
            return  # the pack and the index can wait a little, a person who uploads or decides should not
        self._served = time.monotonic()
        if self._library.refresh_pack():
            self._library.settle()
        elif not self._library.pending():
            self._library.calibrate()
        index.serve_rebuild()
        portions = _FEEDS if self._busy() else 1
        while index.feed(limit=portions) and not self._stop.is_set() and not self._busy():
            time.sleep(0)  # let decisions in between

    def _join_index(self) -> None:
        """Search what another process keeps in order."""
        self._looked = False
        if self._index is not None and not self._index.is_open:
            self._index.connect()
            self.chroma = "opened"

    def _embed(self) -> None:
        if self._warm and self._embeds() and (self._embed_more() | self._teach_others()):
            self._embed_wake.set()

    def give_way(self) -> None:
        """Wait a little where people or programs need the machine."""
        if self._busy():
            self._stop.wait(_GIVE_WAY)

    def _curate(self) -> None:
        # Back-fills, proposals and the check for drift rest on a settled library, and on an encoder for names.
        idle = self._warm and not self._busy() and not self._library.pending()
        if idle and self._steward() and self._background():
            self._curate_wake.set()

    def _tell(self) -> None:
        if self._steward() and self._deliver():
            self._tell_wake.set()

    def _busy(self) -> bool:
        decided = self._library.seconds_since_decision() < _QUIET_SECONDS
        return decided or self._holder.busy or self._occupied()
