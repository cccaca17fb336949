"""A clock that tests move, so that decisions spread over days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tagging_core import assets, ledger

START = datetime(2026, 9, 1, 12, 0)


class Clock:
    """What time it is; `datetime` as the modules under test see it."""

    def __init__(self) -> None:
        self.moment = START

    def now(self, zone: object = None) -> datetime:
        return self.moment.replace(tzinfo=UTC) if zone else self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for module in (ledger, assets):
        monkeypatch.setattr(module, "datetime", found)
    return found


Say = Callable[..., int]
