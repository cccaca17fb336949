"""Background work pauses while people or programs need the machine."""

from __future__ import annotations

import threading
from collections.abc import Callable

_PAUSE_SECONDS = 0.2


class Throttle:
    """Lets background work yield to people; shared by everything in the background of a process.

    Attributes:
        is_busy: Whether somebody waits for an answer now; set by the worker.
    """

    def __init__(self) -> None:
        self.is_busy: Callable[[], bool] = lambda: False
        self._stopped = threading.Event()

    def pause(self) -> None:
        """Wait for a moment if somebody needs the machine."""
        if self.is_busy():
            self._stopped.wait(_PAUSE_SECONDS)

    def stop(self) -> None:
        """End every pause, so that threads can end."""
        self._stopped.set()
