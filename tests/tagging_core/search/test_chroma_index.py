from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.embeddings import vectors
from tagging_core.storage.schema import outbox
from tests.conftest import BLUE, GREEN, RED, ingest, wait_for


def wait_until_indexed(loop: Tagloop) -> None:
    wait_for(
        lambda: loop.worker and loop.worker.chroma != "opening" and not loop.resources.index.feeder.pending(), 60
    )


def restart(loop: Tagloop) -> Tagloop:
    """Close the installation and open it again."""
    loop.close()
    restarted = Tagloop(loop.settings)
    restarted.start()
    wait_until_indexed(restarted)
    return restarted


def test_tags_and_pictures_are_indexed_in_chroma(loop: Tagloop, ann: User) -> None:
    red, blue, green = ingest(loop, ann, RED, BLUE, GREEN)
    loop.review.decide(ann, Decision(Kind.ACCEPT, red, "garment.dress", profile="e-commerce"))
    wait_until_indexed(loop)
    with loop.database.read() as connection:
        assert loop.resources.index.counts() == loop.resources.index.expected(connection)
        vector = vectors.load(connection, loop.model.preset.fingerprint, [blue])[blue]
    (nearest,) = loop.resources.index.nearest(vector[None], 12)
    assert nearest.keys() == {red, blue, green}
    assert next(iter(nearest)) == blue
    assert np.isclose(nearest[blue], 1, atol=1e-4)
    record = loop.resources.index.tag_record("garment.dress")
    assert record is not None
    assert (record["name_en"], record["accepted"], record["category"]) == ("Dress", 1, "garment")


def test_a_restricted_search_ignores_pictures_not_indexed_yet(loop: Tagloop, ann: User) -> None:
    red, blue = ingest(loop, ann, RED, BLUE)
    wait_until_indexed(loop)
    with loop.database.read() as connection:
        vector = vectors.load(connection, loop.model.preset.fingerprint, [blue])[blue]
    (nearest,) = loop.resources.index.nearest(vector[None], 12, among=[red, blue])
    assert list(nearest) == [blue, red]
    (nearest,) = loop.resources.index.nearest(vector[None], 12, among=[red, 999])
    assert list(nearest) == [red]
    assert loop.resources.index.nearest(vector[None], 12, among=[998, 999]) == [{}]


def test_queueing_everything_again_does_not_duplicate_pending_entries(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED, BLUE)
    before = loop.resources.index.feeder.pending()
    loop.resources.index.feeder.requeue()
    loop.resources.index.feeder.requeue()
    with loop.database.read() as connection:
        waiting = list(connection.execute(select(outbox.c.key).where(outbox.c.kind == "asset")).scalars())
    assert sorted(waiting) == ["1", "2"]
    assert before
    wait_until_indexed(loop)


def test_collections_with_surplus_records_are_reported(loop: Tagloop, monkeypatch: pytest.MonkeyPatch) -> None:
    with loop.database.write() as connection:
        connection.execute(delete(outbox))  # pending entries would account for a difference
        expected = loop.resources.index.expected(connection)
    counts = {loop.resources.index.name(kind): count for kind, count in expected.items()}
    monkeypatch.setattr(loop.resources.index.place, "counts", lambda: counts)
    assert loop.resources.index.trouble() == ""
    for kind, count in expected.items():
        counts[loop.resources.index.name(kind)] = count + 1
        assert loop.resources.index.trouble() == f"its {kind} collection holds {count + 1} of {count} records"
        counts[loop.resources.index.name(kind)] = count


@pytest.mark.parametrize("damage", ["missing", "garbage", "truncated", "lost records"])
def test_a_damaged_folder_is_rebuilt_from_sql(embedded: None, loop: Tagloop, ann: User, damage: str) -> None:
    ingest(loop, ann, RED, BLUE)
    wait_until_indexed(loop)
    counts, folder = loop.resources.index.counts(), loop.settings.data_dir / "chroma"
    loop.close()
    database = folder / "chroma.sqlite3"
    if damage == "missing":
        shutil.rmtree(folder)
    elif damage == "garbage":
        database.write_bytes(b"not a database" * 100)
    elif damage == "truncated":
        database.write_bytes(database.read_bytes()[:5000])
    else:
        delete_one_record(folder, f"assets-{loop.model.preset.fingerprint}")
    restarted = Tagloop(loop.settings)
    restarted.start()
    wait_until_indexed(restarted)
    assert restarted.worker is not None
    assert restarted.worker.chroma.startswith("made" if damage == "missing" else "rebuilt")
    assert restarted.resources.index.counts() == counts
    restarted.close()


def delete_one_record(folder: Path, name: str) -> None:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    collection = chromadb.PersistentClient(str(folder)).get_collection(name)
    collection.delete(ids=collection.peek(1)["ids"])
    SharedSystemClient.clear_system_cache()


def test_an_intact_folder_is_opened_without_a_rebuild(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED)
    wait_until_indexed(loop)
    restarted = restart(loop)
    assert restarted.worker is not None
    assert restarted.worker.chroma == "opened"
    restarted.close()
