"""A settable clock, so that decisions spread over days, and an archive with two months of work."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tagging_core import Decision, Kind, Settings, TaggingError, Tagloop, ledger
from tagging_core.assets import repository
from tagging_core.common.users import local_user
from tagging_core.curation import plans
from tagging_core.ledger import events
from tagging_core.ledger.events import Look
from tagging_core.review.sampling import SamplingRates
from tests.conftest import Installations, ingest

START = datetime(2026, 9, 1, 12, 0)
ZONE = "America/New_York"
PEOPLE = [local_user(name) for name in ("Ann", "Bob", "Cem")]
TAGS = ("garment.dress", "garment.hat", "garment.skirt", "colour.red", "colour.blue", "style.casual")


class Clock:
    """A settable replacement for `datetime` in the modules under test."""

    def __init__(self) -> None:
        self.moment = START

    def now(self, zone: object = None) -> datetime:
        return self.moment.replace(tzinfo=UTC) if zone else self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return set_clock(monkeypatch)


def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (events, repository):
        monkeypatch.setattr(module, "datetime", clock)
    return clock


@pytest.fixture(scope="module")
def archive(
    template: Path, tmp_path_factory: pytest.TempPathFactory, installations: Installations
) -> Iterator[Tagloop]:
    """Two months of reviews by three people, with undos, blind reviews and second looks; then a tag merge."""
    folder = tmp_path_factory.mktemp("archive") / "data"
    url = installations.copy(template, folder)
    patch = pytest.MonkeyPatch()
    clock = set_clock(patch)
    options = {"encoder": "tiny", "ingest_threads": 1, "blind_share": 0, "known_share": 0}
    settings = Settings(data_dir=folder, database_url=url, time_zone=ZONE, **options)
    loop = Tagloop(settings)
    rng = random.Random(7)
    event_ids: list[int] = []

    def decide(user: int, decision: Decision) -> None:
        """Record a decision against the current card, unless it brings its own `shown`."""
        try:
            loop.review.assigner.take(PEOPLE[user], decision.asset_id, force=True)
            card = loop.review.card(PEOPLE[user], decision.asset_id, decision.profile, look=decision.look)
            event_ids.append(
                loop.review.decide(PEOPLE[user], replace(decision, shown=decision.shown or card.shown))
            )
        except TaggingError:
            pass

    for _ in range(24):
        clock.move(hours=rng.randint(20, 120))
        colour = tuple(rng.randint(0, 255) for _ in range(3))
        (picture,) = ingest(loop, PEOPLE[0], colour)
        who, profile = rng.randrange(3), rng.choice(["e-commerce", "general"])
        loop.review.rates = SamplingRates(blind=float(rng.random() < 0.3))
        loop.review.card(PEOPLE[who], picture, profile)
        seen = [s.tag_id for s in loop.review.suggest(picture, profile)] if not loop.review.rates.blind else []
        easy = bool(seen) and rng.random() < 0.5
        for tag in seen[:2] if easy else rng.sample(TAGS, rng.randint(1, 4)):
            clock.move(minutes=rng.randint(1, 9))
            card = loop.review.card(PEOPLE[who], picture, profile)
            shown = {s.tag_id for s in card.suggestions}
            kind = rng.choice([Kind.ACCEPT, Kind.ACCEPT, Kind.REJECT]) if tag in shown else Kind.ADD
            decide(who, Decision(kind, picture, tag, profile=profile, seconds=2.0))
            if not easy and rng.random() < 0.3:
                other = rng.choice([t for t in TAGS if t != tag])
                decide(who, Decision(Kind.REPLACE, picture, tag, other, profile=profile, shown=card.shown))
        if rng.random() < 0.85:
            seconds = rng.choice([4.2, 17.0, 900.0])
            decide(who, Decision(Kind.DONE, picture, profile=profile, seconds=seconds))
        if rng.random() < 0.3:
            decide((who + 1) % 3, Decision(Kind.REJECT, picture, rng.choice(TAGS), profile=profile))
        if rng.random() < 0.4:
            other = (who + 2) % 3
            for tag in rng.sample(TAGS, 2):
                decide(other, Decision(Kind.ADD, picture, tag, profile=profile, look=Look.KNOWN))
            decide(other, Decision(Kind.DONE, picture, profile=profile, look=Look.KNOWN, seconds=8.0))
        if rng.random() < 0.3:
            undoing, event_id = PEOPLE[rng.randrange(3)], rng.choice(event_ids[-4:])
            with loop.database.read() as connection:
                decided = ledger.find_event(connection, event_id)
            assert decided is not None
            loop.review.assigner.take(undoing, decided.asset_id or 0, force=True)
            loop.review.undo(undoing, event_id)
    loop.curation.apply(PEOPLE[0], plans.merge(loop.taxonomy(), "garment.skirt", "garment.dress"))
    patch.undo()
    yield loop
    loop.close()
