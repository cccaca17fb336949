from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from tagging_core.assets.decoding import open_picture
from tagging_core.assets.files import ImageFiles, Rendition, open_prepared, sha256_of
from tagging_core.embeddings.encoders import find_preset
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.errors import StorageError
from tagging_core.storage.blobs import LocalBlobStore, write_atomically
from tests.conftest import photo


def test_original_and_renditions_are_stored_once(tmp_path: Path) -> None:
    archive, data = ImageFiles(LocalBlobStore(tmp_path)), photo(size=(2000, 1000))
    name = sha256_of(data)
    archive.store(name, data, open_picture(data))
    assert archive.read(Rendition.ORIGINAL, name) == data
    assert max(open_picture(archive.read(Rendition.SCREEN, name)).image.size) == 1400
    assert max(open_picture(archive.read(Rendition.THUMBNAIL, name)).image.size) == 320
    path = archive.path(Rendition.SCREEN, name)
    assert path is not None
    before = path.stat().st_mtime_ns
    archive.store(name, data, open_picture(data))
    assert path.stat().st_mtime_ns == before


def test_a_full_disk_is_reported_and_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_atomically(tmp_path / "a" / "b.jpg", b"data")
    assert not list((tmp_path / "a").iterdir())


def test_a_picture_whose_original_is_refused_today_is_embedded_from_its_screen_copy(tmp_path: Path) -> None:
    archive, encoder, raw = (
        ImageFiles(LocalBlobStore(tmp_path)),
        TinyEncoder(find_preset("tiny")),
        b"IIRO raw photo",
    )
    name = sha256_of(raw)
    archive.store(name, raw, open_picture(photo()))  # an earlier version took it
    expected = encoder.prepare(open_picture(archive.read(Rendition.SCREEN, name)).image)
    found = open_prepared(archive, encoder, name, max_pixels=10_000_000)
    assert np.array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/..", "/x", "a\\..\\..\\x", "a\0"])
def test_no_name_leads_out_of_the_store(tmp_path: Path, name: str) -> None:
    blobs = LocalBlobStore(tmp_path / "store")
    for act in (blobs.exists, blobs.read, blobs.remove, blobs.path, lambda name: blobs.write(name, b"x")):
        with pytest.raises(StorageError, match="is not the name of a file in the store"):
            act(name)
