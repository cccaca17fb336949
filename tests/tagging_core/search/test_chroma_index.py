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


def fed(loop: Tagloop) -> None:
    wait_for(
        lambda: loop.worker and loop.worker.chroma != "opening" and not loop.resources.index.feeder.pending(), 60
    )


def reopened(loop: Tagloop) -> Tagloop:
    """The same installation after a stop and a start."""
    loop.close()
    again = Tagloop(loop.settings)
    again.start()
    fed(again)
    return again


def test_tags_and_pictures_reach_chroma(loop: Tagloop, ann: User) -> None:
    red, blue, green = ingest(loop, ann, RED, BLUE, GREEN)
    loop.review.decide(ann, Decision(Kind.ACCEPT, red, "garment.dress", profile="e-commerce"))
    fed(loop)
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


def test_pictures_that_are_not_in_the_index_yet_do_not_stop_a_search_among_some(loop: Tagloop, ann: User) -> None:
    red, blue = ingest(loop, ann, RED, BLUE)
    fed(loop)
    with loop.database.read() as connection:
        vector = vectors.load(connection, loop.model.preset.fingerprint, [blue])[blue]
    (nearest,) = loop.resources.index.nearest(vector[None], 12, among=[red, blue])
    assert list(nearest) == [blue, red]
    (nearest,) = loop.resources.index.nearest(vector[None], 12, among=[red, 999])
    assert list(nearest) == [red]
    assert loop.resources.index.nearest(vector[None], 12, among=[998, 999]) == [{}]


def test_what_waits_is_fed_once_though_all_is_queued_anew(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED, BLUE)
    before = loop.resources.index.feeder.pending()
    loop.resources.index.feeder.requeue()
    loop.resources.index.feeder.requeue()
    with loop.database.read() as connection:
        waiting = list(connection.execute(select(outbox.c.key).where(outbox.c.kind == "asset")).scalars())
    assert sorted(waiting) == ["1", "2"]
    assert before
    fed(loop)


def test_collections_with_surplus_records_are_reported(loop: Tagloop, monkeypatch: pytest.MonkeyPatch) -> None:
    with loop.database.write() as connection:
        connection.execute(delete(outbox))  # what waits there may explain a difference
        expected = loop.resources.index.expected(connection)
    held = {loop.resources.index.name(kind): count for kind, count in expected.items()}
    monkeypatch.setattr(loop.resources.index.place, "counts", lambda: held)
    assert loop.resources.index.trouble() == ""
    for kind, count in expected.items():
        held[loop.resources.index.name(kind)] = count + 1
        assert loop.resources.index.trouble() == f"its {kind} collection holds {count + 1} of {count} records"
        held[loop.resources.index.name(kind)] = count


@pytest.mark.parametrize("harm", ["missing", "garbage", "truncated", "lost records"])
def test_a_damaged_folder_is_rebuilt_from_sql(embedded: None, loop: Tagloop, ann: User, harm: str) -> None:
    ingest(loop, ann, RED, BLUE)
    fed(loop)
    counts, folder = loop.resources.index.counts(), loop.settings.data_dir / "chroma"
    loop.close()
    database = folder / "chroma.sqlite3"
    if harm == "missing":
        shutil.rmtree(folder)
    elif harm == "garbage":
        database.write_bytes(b"not a database" * 100)
    elif harm == "truncated":
        database.write_bytes(database.read_bytes()[:5000])
    else:
        drop_one(folder, f"assets-{loop.model.preset.fingerprint}")
    again = Tagloop(loop.settings)
    again.start()
    fed(again)
    assert again.worker is not None
    assert again.worker.chroma.startswith("made" if harm == "missing" else "rebuilt")
    assert again.resources.index.counts() == counts
    again.close()


def drop_one(folder: Path, name: str) -> None:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    collection = chromadb.PersistentClient(str(folder)).get_collection(name)
    collection.delete(ids=collection.peek(1)["ids"])
    SharedSystemClient.clear_system_cache()


def test_a_sound_folder_is_opened_as_it_is(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED)
    fed(loop)
    again = reopened(loop)
    assert again.worker is not None
    assert again.worker.chroma == "opened"
    again.close()
