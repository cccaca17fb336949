"""Pause of the search for cyclic garbage, for work that only builds objects."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_gc() -> Iterator[None]:
    """Pause the search while many objects are built; it would go through all of them again and again.

    Usable as a decorator. Objects without cycles are freed as always.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
