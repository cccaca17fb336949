"""Zips as different programs write their names."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging_core.errors import SourceError
from tagging_core.ingest import archives
from tagging_core.ingest.staging_budget import StagingBudget
from tagging_core.ingest.zip_names import member_names
from tagging_core.storage.blobs import LocalBlobStore
from tests.conftest import photo

NAMES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    min_size=1,
    max_size=5,
    unique=True,
)


class RawInfo(zipfile.ZipInfo):
    """A member whose name is written as it is, without the UTF-8 flag."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.orig_filename.encode("cp437"), self.flag_bits


def make_zip(members: list[tuple[bytes, bytes]], *, extra: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for raw, data in members:
            info = RawInfo(raw.decode("cp437"))
            info.extra = extra
            archive.writestr(info, data)
    return buffer.getvalue()


def path_field(raw: bytes, name: str, *, crc: int | None = None) -> bytes:
    body = struct.pack("<BL", 1, zlib.crc32(raw) if crc is None else crc) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


def names_of(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return member_names(archive.infolist())


@given(NAMES)
def test_utf_8_names_are_read_with_the_flag(names: list[str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert names_of(buffer.getvalue()) == names


@pytest.mark.parametrize("name", ["Café münchen.jpg", "夏.jpg", "가방/사진.jpg", "🌻.jpg", "plain.jpg"])
def test_utf_8_names_are_read_without_the_flag(name: str) -> None:
    assert names_of(make_zip([(name.encode(), b"x")])) == [name]


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp866", "Грудень.jpg"), ("cp437", "Größe.jpg"), ("cp932", "表.jpg")]
)
def test_the_unicode_path_field_decides(encoding: str, name: str) -> None:
    raw = name.encode(encoding)
    other = struct.pack("<HHB", 0x5455, 1, 0)  # a field of another kind before it
    assert names_of(make_zip([(raw, b"x")], extra=other + path_field(raw, name))) == [name]


def test_a_unicode_path_field_of_a_renamed_member_is_ignored() -> None:
    raw = b"new name.jpg"
    assert names_of(make_zip([(raw, b"x")], extra=path_field(raw, "old name.jpg", crc=1))) == ["new name.jpg"]


def test_names_in_shift_jis_are_not_cut_at_their_byte_5c(tmp_path: Path) -> None:
    names = ["ソート.jpg", "夏/表示.jpg", "ソ.jpg"]
    data = make_zip([(name.encode("cp932"), photo()) for name in names])
    entries = archives.stage_zip(
        io.BytesIO(data),
        "a.zip",
        LocalBlobStore(tmp_path),
        prefix="in",
        budget=StagingBudget(LocalBlobStore(tmp_path)),
    )
    assert [(entry.name, entry.reason) for entry in entries] == [
        ("ソート.jpg", ""),
        ("表示.jpg", ""),
        ("ソ.jpg", ""),
    ]


def test_a_folder_with_a_backslash_is_no_picture(tmp_path: Path) -> None:
    data = make_zip([(b"summer\\", b""), (b"summer\\a.jpg", photo())])
    entries = archives.stage_zip(
        io.BytesIO(data),
        "a.zip",
        LocalBlobStore(tmp_path),
        prefix="in",
        budget=StagingBudget(LocalBlobStore(tmp_path)),
    )
    assert [entry.name for entry in entries] == ["a.jpg"]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_of_a_zip_raises_anything_but_a_source_error(data: st.DataObject) -> None:
    packed = bytearray(make_zip([("é.jpg".encode(), b"picture"), (b"b.jpg", b"other")]))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    packed = packed[: data.draw(st.integers(4, len(packed)))]
    with contextlib.suppress(SourceError):
        archives.stage_zip(
            io.BytesIO(bytes(packed)), "a.zip", _Nowhere(), prefix="in", budget=StagingBudget(_Nowhere())
        )


class _Nowhere(LocalBlobStore):
    """Drops what is staged."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))

    def write(self, name: str, data: bytes) -> None:
        """See `BlobStore`."""
