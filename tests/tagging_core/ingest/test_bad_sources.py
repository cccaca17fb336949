"""One bad file, zip or name costs nothing but itself."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core import TaggingError, Tagloop, User
from tagging_core.errors import SourceError
from tagging_core.ingest import sources
from tagging_core.ingest.archives import is_zip, stage_zip
from tagging_core.ingest.entries import path_of, shown, source_of
from tagging_core.ingest.staging_budget import StagingBudget
from tagging_core.storage.blobs import LocalBlobStore
from tests.conftest import BLUE, GREEN, RED, photo, wait_for

CAFE = "café".encode("latin-1")
BROKEN = {
    "an empty directory that lies": b"PK\5\6" + b"\1" * 18,
    "a beginning": b"PK\3\4 no",
    "a cut one": b"",  # filled in below
}


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


BROKEN["a cut one"] = zip_of({"a.jpg": photo()})[:-30]
broken = pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)


@broken
def test_pictures_beside_a_broken_zip_are_taken(tmp_path: Path, data: bytes) -> None:
    files = [("one.jpg", photo()), ("broken.zip", data), ("two.jpg", photo())]
    entries = sources.stage_uploads(files, LocalBlobStore(tmp_path), "in")
    assert [(entry.name, bool(entry.reason)) for entry in entries] == [
        ("one.jpg", False),
        ("broken.zip", True),
        ("two.jpg", False),
    ]
    assert "broken.zip is not a readable zip" in entries[1].reason


@broken
def test_a_folder_with_a_broken_zip_is_taken(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(photo())
    (tmp_path / "broken.zip").write_bytes(data)
    (tmp_path / "good.zip").write_bytes(zip_of({"b.jpg": photo()}))
    entries = sources.list_paths([tmp_path, tmp_path / "missing"], LocalBlobStore(tmp_path / "staged"), "in")
    assert [(entry.name, bool(entry.reason)) for entry in entries] == [
        ("a.jpg", False),
        ("broken.zip", True),
        ("b.jpg", False),
        ("missing", True),
    ]


def test_a_picture_that_holds_the_end_of_a_zip_is_a_picture(tmp_path: Path) -> None:
    behind = photo() + zip_of({"inner.jpg": photo()})
    entries = sources.stage_uploads([("a.jpg", behind), ("b.zip", photo())], LocalBlobStore(tmp_path), "in")
    assert [(entry.name, entry.reason) for entry in entries] == [("a.jpg", ""), ("b.zip", "")]


@given(st.binary(min_size=1, max_size=30), st.binary())
def test_only_the_first_bytes_make_a_zip(start: bytes, rest: bytes) -> None:
    assert is_zip(start + rest) == (start + rest).startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08"))


@pytest.mark.parametrize(
    "name", ["a.docx", "A.XLSX", "a.pptx", "a.odt", "a.epub", "a.jar", "a.apk", "a.key", "a.whl"]
)
def test_a_document_is_not_unpacked_by_its_name(tmp_path: Path, name: str) -> None:
    data = zip_of({"word/media/image1.jpg": photo()})
    with pytest.raises(SourceError, match="not a zip of pictures"):
        stage_zip(
            io.BytesIO(data),
            name,
            LocalBlobStore(tmp_path),
            prefix="in",
            budget=StagingBudget(LocalBlobStore(tmp_path)),
        )


@pytest.mark.parametrize("part", ["[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"])
def test_a_document_is_not_unpacked_by_its_parts(tmp_path: Path, part: str) -> None:
    data = zip_of({part: b"x", "word/media/image1.jpg": photo()})
    with pytest.raises(SourceError, match="document or program"):
        stage_zip(
            io.BytesIO(data),
            "unnamed",
            LocalBlobStore(tmp_path),
            prefix="in",
            budget=StagingBudget(LocalBlobStore(tmp_path)),
        )


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP", "comic.cbz", "unnamed", "misnamed.jpg"])
def test_a_zip_of_pictures_may_have_any_of_these_names(tmp_path: Path, name: str) -> None:
    entries = sources.stage_uploads([(name, zip_of({"in.jpg": photo()}))], LocalBlobStore(tmp_path), "in")
    assert [(entry.name, entry.reason) for entry in entries] == [("in.jpg", "")]


def test_a_zip_within_a_zip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = zip_of({"a.jpg": photo(), "inner.zip": zip_of({"b.jpg": photo()})})
    entries = sources.stage_uploads([("a.zip", data)], LocalBlobStore(tmp_path), "in")
    assert [entry.name for entry in entries if not entry.reason] == ["a.jpg"]
    assert "it is a zip or a document itself" in entries[1].reason


def test_names_that_are_not_utf_8_are_ingested(working: Tagloop, ann: User, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "nas")
    os.makedirs(folder + b"/\xfcber")
    colours = {b"good.jpg": RED, CAFE + b".jpg": GREEN, b"\xfcber/\x83\\.jpg": BLUE}
    for name, colour in colours.items():
        with open(folder + b"/" + name, "wb") as file:
            file.write(photo(colour))
    with open(folder + b"/" + CAFE + b".txt", "wb") as file:
        file.write(b"A " + CAFE)
    batch_id = working.ingest.ingest_paths(ann, [tmp_path / "nas"], "general")
    wait_for(lambda: working.ingest.batch(batch_id).state == "done")
    assert working.ingest.batch(batch_id).ingested == 3
    found = {asset.name: asset.text.title for asset in working.assets.find("", 10)}
    assert found == {"good.jpg": "", "café.jpg": "A café", "ソ.jpg": ""}


def test_a_missing_path_that_is_not_utf_8_is_reported(loop: Tagloop, ann: User, tmp_path: Path) -> None:
    missing = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + CAFE))
    with pytest.raises(TaggingError, match="café does not exist"):
        loop.ingest.ingest_paths(ann, [missing], "general")
    (tmp_path / "a.jpg").write_bytes(photo())
    batch = loop.ingest.batch(loop.ingest.ingest_paths(ann, [missing, tmp_path / "a.jpg"], "general"))
    assert (batch.name, batch.refused, batch.total) == ("café, a.jpg", 1, 2)


@given(
    st.binary(min_size=1, max_size=30).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b".."))
)
def test_any_name_can_be_stored_and_opened_again(name: bytes) -> None:
    path = Path(os.fsdecode(b"/nas/" + name))
    assert path_of(source_of(path)) == path
    for text in (source_of(path), shown(str(path))):
        assert text.encode()
