"""Makes the renditions of stored pictures while no request is waiting."""

from __future__ import annotations

import contextlib
import queue
import threading
import time

from tagging_core.assets.files import ImageFiles
from tagging_core.errors import TaggingError

_QUIET = 0.5  # seconds without a request after which renditions are made


class RenditionWriter:
    """Makes the renditions of stored pictures in the background, while no request is waiting.

    A rendition that is viewed earlier is made on demand, so pending work may be dropped.
    """

    def __init__(self, images: ImageFiles, max_pixels: int) -> None:
        self._images, self._max_pixels = images, max_pixels
        self._pending: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last_request = 0.0
        self._thread: threading.Thread | None = None

    def touch(self) -> None:
        """Note a request."""
        self._last_request = time.monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether there was a request within `_QUIET` seconds."""
        return time.monotonic() - self._last_request < _QUIET

    def put(self, sha256: str) -> None:
        """Queue a picture."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="renditions", daemon=True)
            self._thread.start()
        self._pending.put(sha256)

    def close(self) -> None:
        """End after the current picture."""
        if self._thread is not None:
            self._last_request = 0.0
            self._pending.put(None)

    def _run(self) -> None:
        while (sha256 := self._pending.get()) is not None:
            while self.is_busy:
                time.sleep(_QUIET / 5)
            with contextlib.suppress(TaggingError):
                self._images.repair(sha256, self._max_pixels)
