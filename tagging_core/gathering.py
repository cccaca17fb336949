"""Gathering: pictures that callers bring one by one, at the same time, are embedded together.

There is no waiting for company: whoever comes while the model is free starts at once, and all who come while it is
busy make the next batch. So one caller is as fast as ever, and many together are as fast as the model's batches.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from PIL import Image

from tagging_core.encoders import Encoder, Vectors
from tagging_core.errors import BusyError, PictureError
from tagging_core.ingest import encode_or_halve

_MOST = 32
_WAITING_MOST = 256
"""Pictures that may wait; one that comes on top is refused, since its caller would give up before its turn."""


class Gatherer:
    """Embeds pictures for many callers at once.

    Args:
        encoder: Gives the loaded encoder.
        at_once: Batches that may be in work at the same time.
    """

    def __init__(self, encoder: Callable[[], Encoder], at_once: int) -> None:
        self._encoder = encoder
        self._free = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="gather")
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Image.Image, str, Future[Vectors]]] = deque()

    def embed(self, image: Image.Image, instruction: str = "") -> Vectors:
        """The unit vector `(d,)` of one prepared picture; waits for its turn.

        Raises:
            PictureError: The model cannot read the picture.
            BusyError: Too many are waiting.
            EncoderError: The model cannot be loaded.
        """
        mine: Future[Vectors] = Future()
        with self._lock:
            if len(self._waiting) >= _WAITING_MOST:
                raise BusyError(f"{_WAITING_MOST} pictures are waiting to be embedded. Try again in a few seconds.")
            self._waiting.append((image, instruction, mine))
            leads = self._free > 0
            self._free -= leads
        if leads:
            self._pool.submit(self._work_off)
        return mine.result()

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False)

    def _work_off(self) -> None:
        """Embed what waits until nothing does."""
        while batch := self._next():
            images = {str(n): image for n, (image, _, _) in enumerate(batch)}
            try:
                found, failed = encode_or_halve(self._encoder(), images, batch[0][1])
            except BaseException as error:
                for _, _, caller in batch:
                    caller.set_exception(error)
                continue
            for n, (_, _, caller) in enumerate(batch):
                if str(n) in found:
                    caller.set_result(found[str(n)])
                else:
                    caller.set_exception(PictureError(failed[str(n)]))

    def _next(self) -> list[tuple[Image.Image, str, Future[Vectors]]]:
        """The pictures at the head that share an instruction; none, and a place is free, if nothing waits."""
        with self._lock:
            batch: list[tuple[Image.Image, str, Future[Vectors]]] = []
            while self._waiting and len(batch) < _MOST and self._waiting[0][1] == (batch or self._waiting)[0][1]:
                batch.append(self._waiting.popleft())
            self._free += not batch
            return batch
