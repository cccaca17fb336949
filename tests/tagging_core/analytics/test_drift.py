from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select

from tagging_core import Tagloop, User
from tagging_core.analytics import drift
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import unit
from tagging_core.ledger import replay, taxonomy_store
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets, batches, events, items
from tagging_core.storage.schema import drift as drift_table
from tests.tagging_core.analytics.test_rollups import recount

NOW = datetime.now(UTC).replace(tzinfo=None, hour=12, minute=0, second=0, microsecond=0)
TAG = "garment.dress"


def upload(
    loop: Tagloop, centres: Sequence[np.ndarray], ago: Sequence[int], shares: Sequence[float], each: int = 12
) -> None:
    """Store a batch around each centre, uploaded that many days ago; a share of its pictures gets the tag."""
    random = np.random.default_rng(len(centres))
    with loop.database.write() as connection:
        first = len(connection.execute(select(assets.c.id)).all())
        for n, (centre, day, share) in enumerate(zip(centres, ago, shares, strict=True)):
            batch, at = first + n + 1, NOW - timedelta(days=day)
            row = {"id": batch, "name": "b", "profile": "general", "actor": "Ann", "state": "done"}
            connection.execute(batches.insert().values(row | {"created_at": at, "started_at": at}))
            ids = [first + n * each + k + 1 for k in range(each)]
            size = {"width": 1, "height": 1, "bytes": 1, "frames": 1}
            for k, i in enumerate(ids):
                asset = {"id": i, "sha256": f"{i:064x}", "name": "x", "format": "JPEG", **size}
                sample = int(random.integers(1 << 40))
                connection.execute(assets.insert().values(asset | {"created_at": at, "sample": sample}))
                entry = {"batch_id": batch, "n": k, "chunk": 0, "source": "", "staged": False, "name": ""}
                connection.execute(items.insert().values(entry | {"text": {}, "state": "done", "asset_id": i}))
                event = {"at": at, "actor": "Ann", "asset_id": i, "profile": "general"}
                if random.random() < share:
                    connection.execute(
                        events.insert().values(event | {"uid": f"t{i}", "kind": "add", "tag_id": TAG})
                    )
                connection.execute(events.insert().values(event | {"uid": f"d{i}", "kind": "done"}))
            matrix = unit(centre + random.normal(size=(each, len(centre))) * 0.1)
            vectors.save(connection, loop.model.library.fingerprint, ids, matrix=matrix)
        replay.replay(connection, taxonomy_store.load(connection))


def check(loop: Tagloop) -> drift.Check:
    with loop.database.read() as connection:
        return drift.check(
            connection, loop.model.library.fingerprint, loop.taxonomy(), day=key_values.today(connection)
        )


def centres(n: int, shift: float = 0.0) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    found = random.normal(size=(n, 64)) * 0.3
    found[:, 0] += 1.0
    found[:, 1] += shift
    return list(found)


AGO = [1, 3, 5, 7, 9, 11, 20, 30, 40, 50, 60, 70, 80, 90]


def test_similar_pictures_raise_no_alarm(loop: Tagloop) -> None:
    upload(loop, centres(14), AGO, [0.3] * 14)
    found = check(loop)
    assert found.uploads == (6, 8)
    assert found.p is not None
    assert not found.alarm
    assert found.tags == []


def test_a_shift_in_pictures_and_tags_raises_an_alarm(loop: Tagloop) -> None:
    upload(loop, centres(14, 1.2)[:6] + centres(14)[6:], AGO, [0.9] * 6 + [0.2] * 8)
    found = check(loop)
    assert found.alarm
    (drifted,) = found.tags
    assert drifted.tag_id == TAG
    assert drifted.now > drifted.before
    assert drifted.low > 0


@pytest.mark.parametrize(("ago", "reason"), [([1, 2], "Too few pictures"), ([1, 20], "Too few uploads")])
def test_too_little_data_is_given_as_the_reason(loop: Tagloop, ago: list[int], reason: str) -> None:
    upload(loop, centres(2), ago, [0.0, 0.0], each=60)
    found = check(loop)
    assert found.p is None
    assert reason in found.reason


def test_drift_is_checked_once_a_day_and_stored(loop: Tagloop, ann: User) -> None:
    upload(loop, centres(14), AGO, [0.3] * 14)
    assert drift.check_if_due(loop.database, loop.model.library, loop.taxonomy())
    assert not drift.check_if_due(loop.database, loop.model.library, loop.taxonomy())
    with loop.database.read() as connection:
        assert len(connection.execute(select(drift_table)).all()) == 1
        assert list(drift.latest(connection, ann).values()) == [check(loop)]


def test_the_check_uses_the_configured_time_zone(loop: Tagloop) -> None:
    upload(loop, centres(14), AGO, [0.3] * 14)
    recount(loop, "Pacific/Auckland")
    assert check(loop).pictures[0] >= 5 * 12
