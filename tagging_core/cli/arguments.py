"""Types of command-line arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable

MAX_PORT = 65_535
_MAX_ID = 2**63 - 1  # of a database


def whole_number(low: int = 0, high: int = _MAX_ID) -> Callable[[str], int]:
    """Return a type that refuses numbers outside a range, bounds included."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read
