from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from tagging_core.errors import SourceError
from tagging_core.ingest import archives, sources
from tagging_core.ingest.staging_budget import StagingBudget
from tagging_core.storage.blobs import LocalBlobStore
from tests.conftest import photo


def make_zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def encrypted(data: bytes) -> bytes:
    """The same zip with the flag that says a member is encrypted, in both of its headers."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        local = archive.infolist()[0].header_offset
    central = data.index(b"PK\x01\x02")
    patched = bytearray(data)
    patched[local + 6] |= 1
    patched[central + 8] |= 1
    return bytes(patched)


def test_a_zip_is_unpacked_into_numbered_files(tmp_path: Path) -> None:
    data = make_zip({"a/one.jpg": photo(), "a/one.txt": b"A title\nA caption", "__MACOSX/x": b"", ".hidden": b""})
    entries = sources.stage_uploads([("photos.zip", data)], LocalBlobStore(tmp_path), "in")
    assert [(e.name, e.reason, e.text.title, e.text.caption) for e in entries] == [
        ("one.jpg", "", "A title", "A caption")
    ]
    assert entries[0].source == "in/0/0"
    assert (tmp_path / entries[0].source).is_file()


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"]
)
def test_a_zip_path_that_leads_outside_is_refused_and_the_rest_unpacked(tmp_path: Path, name: str) -> None:
    entries = sources.stage_uploads(
        [("x.zip", make_zip({name: photo(), "good.jpg": photo()}))], LocalBlobStore(tmp_path), "in"
    )
    assert [bool(e.reason) for e in entries] == [True, False]
    assert "leads outside" in entries[0].reason
    assert not list(tmp_path.rglob("evil*"))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    entries = sources.stage_uploads(
        [("x.zip", encrypted(make_zip({"a.jpg": photo()})))], LocalBlobStore(tmp_path), "in"
    )
    assert "password" in entries[0].reason


def test_a_symlink_in_a_zip_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "link" in sources.stage_uploads([("x.zip", buffer.getvalue())], LocalBlobStore(tmp_path), "in")[0].reason


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    entries = sources.stage_uploads(
        [("x.zip", make_zip({"a.jpg": bytes(50_000_000)}))], LocalBlobStore(tmp_path), "in"
    )
    assert "compression ratio" in entries[0].reason


def test_a_zip_with_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ZIP_FILES", 2)
    data = io.BytesIO(make_zip({f"{n}.jpg": b"x" for n in range(3)}))
    with pytest.raises(SourceError, match="the limit for one zip is 2"):
        archives.stage_zip(
            data, "x.zip", LocalBlobStore(tmp_path), prefix="in", budget=StagingBudget(LocalBlobStore(tmp_path))
        )


def test_client_file_names_are_used_only_for_display(tmp_path: Path) -> None:
    entries = sources.stage_uploads([("../../etc/pass\x00wd\n.jpg", photo())], LocalBlobStore(tmp_path), "in")
    assert entries[0].name == "pass�wd�.jpg"
    assert entries[0].source == "in/0"


def test_an_uploaded_text_belongs_to_the_picture_of_the_same_name(tmp_path: Path) -> None:
    files = [("trip/a.jpg", photo()), ("trip/a.txt", b"A title"), ("trip/b.jpg", photo()), ("x/b.txt", b"no")]
    entries = sources.stage_uploads(files, LocalBlobStore(tmp_path), "in")
    assert [(e.name, e.text.title) for e in entries] == [("a.jpg", "A title"), ("b.jpg", "")]


def test_a_folder_is_listed_with_texts_and_without_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.jpg").write_bytes(photo())
    (tmp_path / "a.png").write_bytes(photo())
    (tmp_path / "a.txt").write_text("Title\nCaption\nBody\nmore")
    (tmp_path / ".DS_Store").write_bytes(b"")
    os.symlink("/etc/hostname", tmp_path / "link.jpg")
    entries = sources.list_paths([tmp_path], LocalBlobStore(tmp_path / "staged"), "in")
    assert [e.name for e in entries] == ["a.png", "b.jpg"]
    assert entries[0].text.as_dict() == {"title": "Title", "caption": "Caption", "body": "Body\nmore"}


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        sources.list_files(tmp_path / "nowhere")


@pytest.mark.parametrize("typed", ["../outside", "/etc", "sub/../../outside"])
def test_a_server_path_stays_below_its_root(tmp_path: Path, typed: str) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    with pytest.raises(SourceError, match="outside"):
        sources.within_root(typed, tmp_path / "root")


def test_a_symlink_cannot_lead_out_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    os.symlink("/etc", tmp_path / "root" / "link")
    with pytest.raises(SourceError, match="outside"):
        sources.within_root("link", tmp_path / "root")


def test_server_paths_need_a_configured_root() -> None:
    with pytest.raises(SourceError, match="TAGLOOP_INGEST_ROOT"):
        sources.within_root("photos", None)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_sidecar_that_is_too_long_or_damaged_costs_no_picture(tmp_path: Path, damaged: bool) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:  # not compressed, so that the text can be found and damaged
        for name, data in (("one.jpg", photo()), ("one.txt", b"A title. " * 30_000), ("two.jpg", photo())):
            file.writestr(name, data)
    packed = buffer.getvalue().replace(b"A title.", b"B title.", 1) if damaged else buffer.getvalue()
    found = sources.stage_uploads([("photos.zip", packed)], LocalBlobStore(tmp_path), "in")
    assert [(entry.name, entry.reason) for entry in found] == [("one.jpg", ""), ("two.jpg", "")]
