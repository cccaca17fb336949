"""A zip costs no more memory, disk and time than the pictures that it could hold."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import namedtuple
from pathlib import Path

import pytest

from tagging_core.errors import SourceError, StorageError
from tagging_core.ingest import sources, staging_budget
from tagging_core.ingest.entries import Entry
from tagging_core.storage.blobs import LocalBlobStore
from tests.conftest import photo
from tests.costs import cost

MOST_MB, MOST_SECONDS = 100, 5


def packed(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def overlapping(count: int, size: int) -> bytes:
    """A zip whose directory names one member many times."""
    return naming_again(packed({"a.jpg": bytes(size)}), count)


def naming_again(data: bytes, count: int) -> bytes:
    start = data.index(b"PK\1\2")
    record = data[start : data.index(b"PK\5\6")]
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(record) * count, start, 0)
    return data[:start] + record * count + end


def quoted(count: int, size: int) -> bytes:
    """A zip whose members each begin with the headers of the next, as stored blocks (D. Fifield, 2019)."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = kernel.compress(bytes(size)) + kernel.flush()
    tail, places = body, []
    crc, length = zlib.crc32(bytes(size)), size
    for n in reversed(range(count)):
        name = f"{n:05}.jpg".encode()
        header = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(tail), length, len(name), 0) + name
        places.append((name, crc, len(tail), length, len(header) + len(tail)))
        block = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF)
        length += len(header)
        tail = block + header + tail if n else header + tail
    directory, whole = b"", len(tail)
    for name, crc_, packed_size, size_, from_end in places:
        directory += (
            struct.pack(
                "<4s6H3L5H2L",
                b"PK\1\2",
                20,
                20,
                0,
                8,
                0,
                0,
                crc_,
                packed_size,
                size_,
                len(name),
                0,
                0,
                0,
                0,
                0,
                whole - from_end,
            )
            + name
        )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), whole, 0)
    return tail + directory + end


def many_small(count: int, size: int) -> bytes:
    """Members that compress well, each small enough to be believed."""
    return packed({f"{n}.jpg": bytes(size) for n in range(count)})


def many_names(count: int) -> bytes:
    """A directory of nothing but names."""
    return naming_again(packed({"a": b""}), count)


def lying(packing: int, name: str = "a.jpg") -> bytes:
    """A zip that states a small size for a large member, beside a picture."""
    size = 120_000_000
    data = packed({name: bytes(size), "b.jpg": photo()}, packing)
    return data.replace(struct.pack("<L", size), struct.pack("<L", 1_000))


HOSTILE = {
    "bzip2": lambda: lying(zipfile.ZIP_BZIP2),
    "LZMA": lambda: lying(zipfile.ZIP_LZMA),
    "deflate": lambda: lying(zipfile.ZIP_DEFLATED),
    "a text in bzip2": lambda: lying(zipfile.ZIP_BZIP2, "b.txt"),
    "one member named often": lambda: overlapping(5_000, 1_000_000),
    "members in members": lambda: quoted(300, 1_000_000),
    "small members that compress well": lambda: many_small(300, 1_000_000),
    "a large directory": lambda: many_names(300_000),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_zip_costs_little(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.zip").write_bytes(HOSTILE[kind]())
    blobs = LocalBlobStore(tmp_path / "staged")
    took = cost(lambda: stage(blobs, ("a.zip", (tmp_path / "a.zip").read_bytes())))
    assert took.megabytes < MOST_MB
    assert took.seconds < MOST_SECONDS
    assert sum(path.stat().st_size for path in blobs.root.rglob("*") if path.is_file()) < 1_000_000


def stage(blobs: LocalBlobStore, *files: tuple[str, bytes]) -> list[Entry]:
    return sources.stage_uploads(files, blobs, "in")


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 12, 93, 95, 97])
def test_only_stored_and_deflated_members_are_unpacked(tmp_path: Path, packing: int) -> None:
    data = bytearray(packed({"a.jpg": photo(), "b.jpg": photo()}))
    directory = data.index(b"PK\1\2")
    data[directory + 10 : directory + 12] = data[8:10] = struct.pack("<H", packing)
    entries = stage(LocalBlobStore(tmp_path), ("a.zip", bytes(data)))
    assert [bool(entry.reason) for entry in entries] == [True, False]
    assert "pack the pictures as an ordinary zip" in entries[0].reason


def test_pictures_beside_a_hostile_zip_are_taken(tmp_path: Path) -> None:
    entries = stage(LocalBlobStore(tmp_path), ("a.zip", overlapping(3, 10)), ("b.jpg", photo()))
    assert [(entry.name, "overlap" in entry.reason) for entry in entries] == [("a.zip", True), ("b.jpg", False)]


def test_a_zip_with_something_before_it_is_no_overlap(tmp_path: Path) -> None:
    data = b"PK\7\x08" + packed({"a.jpg": photo(), "empty/": b"", "b.jpg": photo()})
    assert [entry.reason for entry in stage(LocalBlobStore(tmp_path), ("a.zip", data))] == ["", ""]


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_FILES", 3, "more than 3 files"),
        ("MAX_BYTES", 2_000, "unpacks to more"),
        ("MAX_CHARACTERS", 20, "texts"),
    ],
)
def test_a_request_is_limited_however_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str
) -> None:
    monkeypatch.setattr(staging_budget, limit, value)
    pair = packed({"a.jpg": photo(), "a.txt": b"ten letters", "b.jpg": photo(), "c.txt": b"no picture"})
    entries = stage(LocalBlobStore(tmp_path), ("one.zip", pair), ("two.zip", pair))
    assert [entry.name for entry in entries] == ["a.jpg", "b.jpg", "two.zip"]
    assert message in entries[-1].reason
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2, "what was staged of it is removed"


def test_files_without_a_zip_are_limited_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_budget, "MAX_FILES", 1)
    with pytest.raises(SourceError, match="more than 1 files"):
        stage(LocalBlobStore(tmp_path), ("a.jpg", photo()), ("b.jpg", photo()))


def test_a_text_counts_for_each_picture_that_it_belongs_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_budget, "MAX_CHARACTERS", 35)
    with pytest.raises(SourceError, match="texts"):
        stage(LocalBlobStore(tmp_path), ("a.txt", b"ten letters"), *((f"a.{n}", photo()) for n in range(4)))


def test_some_of_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(1_000_000, 959_000, 41_000))
    with pytest.raises(StorageError, match="nearly full"):
        stage(LocalBlobStore(tmp_path), ("a.zip", packed({"a.jpg": photo()})))
