"""The HTTP header `Retry-After`."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime


def seconds(header: str | None, most: float) -> float:
    """Return how long a server wants its client to wait.

    Args:
        header: Value of the header: seconds or an HTTP date; None if there is none.
        most: Longest wait in seconds; a server must not stop its clients for ever.

    Returns:
        Seconds from now, 0 to `most`; 0 if the header is absent, invalid or in the past.
    """
    try:
        wait = float(header or 0)
    except ValueError:
        wait = _until(header or "")
    return 0.0 if math.isnan(wait) else min(most, max(0.0, wait))


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
