from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select, update

from tagging_core import Settings, TaggingError, Tagloop, User
from tagging_core.assets import repository
from tagging_core.embeddings import vectors
from tagging_core.embeddings.batching import encode_with_bisection
from tagging_core.embeddings.encoders import find_preset
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.errors import NotAllowedError, SourceError, StorageError
from tagging_core.ingest import batches
from tagging_core.ingest.chunks import claim
from tagging_core.learning import recorded_suggestions
from tagging_core.review import queue
from tagging_core.review.queue import View
from tagging_core.storage.schema import assets as asset_table
from tagging_core.storage.schema import chunks
from tests.conftest import BLUE, GREEN, RED, ingest, photo, wait_for


def finish(loop: Tagloop, batch_id: int) -> batches.Batch:
    wait_for(lambda: loop.ingest.batch(batch_id).state != "running")
    return loop.ingest.batch(batch_id)


def test_bad_files_are_refused_with_a_reason_and_do_not_stop_the_batch(working: Tagloop, ann: User) -> None:
    files = [
        ("a.jpg", photo(RED)),
        ("broken.jpg", photo(size=(300, 300))[:700]),
        ("b.png", photo(BLUE, kind="PNG")),
        ("empty.jpg", b""),
        ("notes.pdf", b"%PDF-1.4"),
    ]
    batch = finish(working, working.ingest.upload(ann, files, "general"))
    assert (batch.ingested, batch.refused, batch.state) == (2, 3, "done")
    with working.database.read() as connection:
        reasons = dict(batches.refused(connection, batch.id))
    assert "damaged" in reasons["broken.jpg"]
    assert "empty" in reasons["empty.jpg"]
    assert "Not a picture" in reasons["notes.pdf"]


def test_identical_files_are_stored_once(working: Tagloop, ann: User) -> None:
    first = finish(
        working, working.ingest.upload(ann, [("a.jpg", photo(RED)), ("same.jpg", photo(RED))], "general")
    )
    assert (first.ingested, first.known) == (1, 1)
    second = finish(working, working.ingest.upload(ann, [("again.jpg", photo(RED))], "general"))
    assert (second.ingested, second.known) == (0, 1)
    with working.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(asset_table)).scalar_one() == 1


def test_every_picture_has_files_vector_and_suggestions(loop: Tagloop, ann: User) -> None:
    asset_id, _ = ingest(loop, ann, RED, GREEN)
    with loop.database.read() as connection:
        asset = repository.get(connection, asset_id)
        vector = vectors.load(connection, loop.model.preset.fingerprint, [asset_id])[asset_id]
        stored = recorded_suggestions.recorded(connection, asset_id, "e-commerce")
    assert loop.resources.images.has(asset.sha256)
    assert np.isclose(np.linalg.norm(vector), 1, atol=1e-5)
    assert stored[0].rank == 1
    assert {s.fingerprint for s in stored} == {loop.model.preset.fingerprint}
    assert all(0 < s.probability < 1 for s in stored)
    assert "colour.red" in {s.tag_id for s in stored}


def test_staged_files_are_removed_after_ingest(working: Tagloop, ann: User) -> None:
    finish(working, working.ingest.upload(ann, [("a.jpg", photo(RED))], "general"))
    wait_for(lambda: not [p for p in (working.settings.data_dir / "incoming").rglob("*") if p.is_file()])


def test_a_local_folder_and_a_local_zip_are_ingested(working: Tagloop, ann: User, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo(RED))
    (folder / "a.txt").write_text("Red square\nA plain red picture")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("b.jpg", photo(BLUE))
    batch = finish(working, working.ingest.ingest_paths(ann, [folder, tmp_path / "more.zip"], "general"))
    assert batch.ingested == 2
    assert (folder / "a.jpg").exists()
    with working.database.read() as connection:
        found = repository.search_text(connection, "plain red")
        assert [a.text.title for a in found] == ["Red square"]
        assert vectors.load(connection, working.model.preset.fingerprint, [found[0].id], kind="text")


def test_a_batch_can_be_stopped_and_resumed(loop: Tagloop, ann: User) -> None:
    batch_id = loop.ingest.upload(ann, [(f"{n}.jpg", photo(RED, (20 + n, 20))) for n in range(70)], "general")
    loop.ingest.stop(ann, batch_id)
    loop.start()
    time.sleep(0.3)
    assert (loop.ingest.batch(batch_id).state, loop.ingest.batch(batch_id).finished) == ("stopped", 0)
    loop.ingest.resume(ann, batch_id)
    assert finish(loop, batch_id).ingested == 70


def test_a_full_disk_stops_the_batch_and_loses_nothing(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = loop.ingest.upload(ann, [("a.jpg", photo(RED))], "general")

    def full(*_: object) -> None:
        raise StorageError("The disk is full: free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(loop.resources.images, "store", full)
        loop.start()
        batch = finish(loop, batch_id)
    assert (batch.state, batch.note) == ("stopped", "The disk is full: free some space.")
    loop.ingest.resume(ann, batch_id)
    assert finish(loop, batch_id).ingested == 1


def test_a_full_disk_while_uploading_queues_nothing(
    embedded: None, loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="disk is full"):
        loop.ingest.upload(ann, [("a.jpg", photo(RED))], "general")
    with loop.database.read() as connection:
        assert batches.recent(connection) == []


def test_a_chunk_with_an_expired_lease_is_taken_over(embedded: None, loop: Tagloop, ann: User) -> None:
    batch_id = loop.ingest.upload(ann, [("a.jpg", photo(RED))], "general")
    with loop.database.write() as connection:
        assert claim(connection, "lost", (1, 0)) is not None
        assert claim(connection, "other", (1, 0)) is None
        connection.execute(update(chunks).values(leased_until=time.time() - 1))
        claimed = claim(connection, "other", (1, 0))
    assert claimed is not None
    assert [item.name for item in claimed.items] == ["a.jpg"]
    loop.start()
    assert finish(loop, batch_id).ingested == 1


def test_a_failing_batch_is_bisected_down_to_single_pictures() -> None:
    class Fragile(TinyEncoder):
        calls = 0

        def encode_images(self, images, instruction="", texts=()):  # type: ignore[no-untyped-def]
            Fragile.calls += 1
            if any(image.getpixel((0, 0)) == (0, 0, 0) for image in images):
                raise RuntimeError("out of memory")
            return super().encode_images(images, instruction)

    pictures = {str(n): Image.new("RGB", (4, 4), "white") for n in range(8)} | {"bad": Image.new("RGB", (4, 4))}
    found, failed = encode_with_bisection(Fragile(find_preset("tiny")), pictures)
    assert sorted(found) == [str(n) for n in range(8)]
    assert list(failed) == ["bad"]
    assert "out of memory" in failed["bad"]
    assert Fragile.calls < 12


def test_leftovers_of_a_crash_are_removed_and_waiting_files_kept(embedded: None, loop: Tagloop, ann: User) -> None:
    batch_id = loop.ingest.upload(ann, [("a.jpg", photo(RED))], "general")
    leftover = loop.settings.data_dir / "incoming" / "crashed" / "0"
    leftover.parent.mkdir()
    leftover.write_bytes(b"x")
    loop.start()
    assert not leftover.exists()
    assert finish(loop, batch_id).ingested == 1


def test_an_empty_upload_is_refused(loop: Tagloop, ann: User) -> None:
    with pytest.raises(SourceError, match="no files"):
        loop.ingest.upload(ann, [], "general")


def test_a_damaged_zip_is_refused(working: Tagloop, ann: User) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.jpg", photo(RED))
    batch = finish(working, working.ingest.upload(ann, [("cut.zip", buffer.getvalue()[:200])], "general"))
    assert batch.refused == 1


def test_only_permitted_users_can_upload(loop: Tagloop, manager: User) -> None:
    with pytest.raises(NotAllowedError, match="mo may not upload pictures"):
        loop.ingest.upload(manager, [("a.jpg", photo(RED))], "general")


def test_a_model_that_cannot_be_loaded_is_reported_and_the_batch_waits(data_dir: Path, ann: User) -> None:
    empty = data_dir / "empty"
    empty.mkdir(parents=True)
    loop = Tagloop(Settings(data_dir=data_dir, encoder=str(empty)))
    batch_id = loop.ingest.upload(ann, [("a.jpg", photo(RED))], "general")
    loop.start()
    worker = loop.worker
    assert worker is not None
    wait_for(lambda: "holds no weights" in worker.trouble, 60)
    assert loop.ingest.batch(batch_id).state == "running"
    loop.close()


def test_a_second_console_on_the_same_folder_is_refused(embedded: None, working: Tagloop) -> None:
    second = Tagloop(working.settings)
    with pytest.raises(TaggingError, match="Another Tagloop console uses"):
        second.start()
    second.close()


def test_many_threads_finish_each_item_once_and_keep_the_order(data_dir: Path, ann: User) -> None:
    loop = Tagloop(Settings(data_dir=data_dir, encoder="tiny", ingest_threads=4))
    files = [(f"{n}", photo(RED, (20 + n, 9))) for n in range(100)]
    batch_id = loop.ingest.upload(ann, [*files, files[7]], "general")
    loop.start()
    batch = finish(loop, batch_id)
    assert (batch.total, batch.ingested, batch.known) == (101, 100, 1)
    with loop.database.read() as connection:
        order = queue.next_assets(connection, View("general", batch_id), limit=200)
        assert len(set(order)) == len(order) == 100
        assert [a.width for a in repository.get_many(connection, order)] == list(range(20, 120))
        assert queue.next_assets(connection, View("general", batch_id), order[40], limit=2) == order[41:43]
    loop.close()
