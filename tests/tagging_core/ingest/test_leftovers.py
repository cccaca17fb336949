from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.errors import SourceError
from tagging_core.ingest import sources
from tagging_core.ingest.leftovers import is_leftover
from tagging_core.storage.blobs import LocalBlobStore
from tests.conftest import photo

FOLDERS = [
    *("@eaDir", "@__thumb", ".@__thumb", "@Recycle", "#recycle", "#snapshot"),
    *("$RECYCLE.BIN", "RECYCLER", "System Volume Information"),
    *("lost+found", ".Trash-1000", ".thumbnails", ".dtrash"),
    *("__MACOSX", ".AppleDouble", "Temporary Items"),
    *("Catalog Previews.lrdata", ".picasaoriginals"),
]
FILES = [
    *("._a.jpg", ".DS_Store", "Icon\r", "Thumbs.db", "ehthumbs.db", "desktop.ini", ".nomedia"),
    *(
        "a.xmp",
        "a.jpg.xmp",
        "a.JSON",
        "a.jpg.json",
        "a.jpg.supplemental-metadata.json",
        "a.aae",
        "a.pp3",
        "a.jpg.dop",
    ),
    *(".picasa.ini", "Picasa.ini", "x.lrprev", "Main.lrcat", "Main.lrcat-wal", "MVI_1.THM"),
    *("a.jpg@SynoEAStream", "a.jpg~", "a.jpg.part"),
]
KEPT = [
    "a.jpg",
    "Icon/a.jpg",
    "thumbs/a.jpg",
    "recycled denim/a.jpg",
    "a.xmp.jpg",
    "notes.pdf",
    "@home/a.jpg",
    "#1/a.jpg",
]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("pattern", ["{}/a.jpg", "deep/{}/a.jpg/b.jpg", "deep\\{}\\a.jpg"])
def test_folders_of_systems_and_photo_programs_are_leftovers(folder: str, pattern: str) -> None:
    for name in (folder, folder.lower(), folder.upper()):
        assert is_leftover(pattern.format(name))


@pytest.mark.parametrize("name", FILES)
def test_files_beside_pictures_are_leftovers(name: str) -> None:
    assert is_leftover(name)
    assert is_leftover(f"deep/{name.upper()}")


@pytest.mark.parametrize("name", KEPT)
def test_pictures_and_files_that_are_worth_a_word_are_not(name: str) -> None:
    assert not is_leftover(name)


@given(st.text())
def test_any_path_is_decided(path: str) -> None:
    assert is_leftover(path) in (True, False)


def leave_everything(folder: Path) -> None:
    for name in [*(f"{name}/a.jpg" for name in FOLDERS), *FILES, "a.jpg", "deep/b.jpg"]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo())


def test_leftovers_in_a_folder_are_skipped_silently(tmp_path: Path) -> None:
    leave_everything(tmp_path / "share")
    entries = sources.list_paths([tmp_path / "share"], LocalBlobStore(tmp_path / "staged"), "in")
    assert [(entry.name, entry.reason) for entry in entries] == [("a.jpg", ""), ("b.jpg", "")]


def test_leftovers_in_a_zip_and_in_an_upload_are_skipped_silently(tmp_path: Path) -> None:
    leave_everything(tmp_path / "share")
    files = [p for p in sorted((tmp_path / "share").rglob("*")) if p.is_file()]
    named = [(str(path.relative_to(tmp_path)), path.read_bytes()) for path in files]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in named:
            archive.writestr(name, data)
    blobs = LocalBlobStore(tmp_path / "staged")
    for prefix, upload in {"zip": [("share.zip", buffer.getvalue())], "files": named}.items():
        entries = sources.stage_uploads(upload, blobs, prefix)
        assert [(entry.name, entry.reason) for entry in entries] == [("a.jpg", ""), ("b.jpg", "")]


def test_an_upload_of_leftovers_alone_says_why_nothing_is_taken(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.xmp is skipped by its name"):
        sources.stage_uploads([("a.xmp", b"<x/>")], LocalBlobStore(tmp_path), "in")
