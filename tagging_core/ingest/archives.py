"""Zips of pictures: members are staged under names of our own; their names are decoded for display only."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tagging_core.assets.decoding import EXTENSIONS, MAX_BYTES
from tagging_core.assets.repository import AssetText, safe_name
from tagging_core.errors import SourceError
from tagging_core.ingest.entries import Entry, refused
from tagging_core.ingest.leftovers import is_leftover
from tagging_core.ingest.sidecars import TEXT_BYTES, Sidecars, is_text, parse_text
from tagging_core.ingest.zip_names import member_names
from tagging_core.storage.blobs import BlobStore

ZIP_FILES = 20_000
ZIP_BYTES = 8_000_000_000
ZIP_RATIO = 200
# What reading a damaged member raises; NotImplementedError is a compression that zipfile does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError)
_SIGNATURES = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")  # a member, an empty zip, a part of a split zip
_SUFFIXES = ("", ".zip", ".cbz", *(f".{extension}" for extension in EXTENSIONS))
_DOCUMENT_PARTS = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})
"""Members that mark a zip as an Office or OpenDocument file, an e-book or a Java program."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in a zip, with its decoded path."""

    path: str
    info: zipfile.ZipInfo


def is_zip(data: bytes) -> bool:
    """Whether a file is a zip, by its first bytes: pictures may hold what ends a zip, or a zip behind them."""
    return data.startswith(_SIGNATURES)


def stage_zip(file: io.BytesIO | Path, name: str, blobs: BlobStore, *, prefix: str) -> list[Entry]:
    """Stage the pictures of a zip; unusable members become entries with a reason, leftovers are skipped.

    Raises:
        SourceError: The zip cannot be read, is a document or has too many members.
        StorageError: The disk is full.
    """
    shown = safe_name(name)
    if (suffix := PurePosixPath(shown).suffix.lower()) not in _SUFFIXES:
        raise SourceError(
            f"{shown} is a {suffix} file, not a zip of pictures. Save its pictures and upload those; "
            "if it is a zip of pictures, name it .zip."
        )
    try:
        with zipfile.ZipFile(file) as archive:
            return _stage(archive, shown, blobs, prefix=prefix)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise SourceError(f"{shown} is not a readable zip: {error}.") from error


def _stage(archive: zipfile.ZipFile, shown: str, blobs: BlobStore, *, prefix: str) -> list[Entry]:
    infos = archive.infolist()
    if _DOCUMENT_PARTS.intersection(info.filename for info in infos):
        raise SourceError(
            f"{shown} is a document or program, not a zip of pictures. Save its pictures and upload those."
        )
    found = [_Member(path, info) for path, info in zip(member_names(infos), infos, strict=True)]
    members = [m for m in found if not m.path.endswith(("/", "\\")) and not is_leftover(m.path)]
    if len(members) > ZIP_FILES:
        raise SourceError(f"{shown} has {len(members):,} files; the limit for one zip is {ZIP_FILES:,}.")
    return list(_unpack(archive, members, blobs, prefix=prefix))


def _unpack(
    archive: zipfile.ZipFile, members: Sequence[_Member], blobs: BlobStore, *, prefix: str
) -> Iterator[Entry]:
    total = 0
    sidecars = Sidecars((member.path, member) for member in members if is_text(member.path))
    for n, member in enumerate(members):
        if is_text(member.path):
            continue
        try:
            data = _read_member(archive, member, MAX_BYTES)
            total += len(data)
            if total > ZIP_BYTES:
                raise SourceError(f"the zip unpacks to more than {ZIP_BYTES / 1e9:.0f} GB")
        except SourceError as error:
            yield refused(member.path, f"Left out of the zip: {error}.")
            continue
        place = f"{prefix}/{n}"
        blobs.write(place, data)
        yield Entry(place, True, safe_name(member.path), _read_sidecar(archive, sidecars.of(member.path)))


def _read_sidecar(archive: zipfile.ZipFile, member: _Member | None) -> AssetText:
    """Return a text; an unreadable one is left out, since its picture is what matters."""
    if member is None:
        return AssetText()
    try:
        with archive.open(member.info) as stream:
            return parse_text(stream.read(TEXT_BYTES))
    except _DAMAGED:
        return AssetText()


def _read_member(archive: zipfile.ZipFile, member: _Member, limit: int) -> bytes:
    info = member.info
    parts = PurePosixPath(member.path.replace("\\", "/")).parts
    if ".." in parts or member.path.startswith(("/", "\\")) or (parts and ":" in parts[0]):
        raise SourceError("its path leads outside the zip")
    if info.flag_bits & 1:
        raise SourceError("it is password-protected; unpack the zip and upload the pictures")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise SourceError("it is a symbolic link")
    if info.file_size > 1_000_000 and info.file_size > ZIP_RATIO * max(1, info.compress_size):
        raise SourceError(f"its compression ratio is above {ZIP_RATIO}, which no picture reaches")
    try:
        with archive.open(info) as stream:
            data = stream.read(limit + 1)  # the size in the zip's directory may be wrong
    except _DAMAGED as error:
        raise SourceError(f"it is damaged ({error})") from error
    if len(data) > limit:
        raise SourceError(f"it is larger than {limit / 1e6:.0f} MB")
    if is_zip(data):
        raise SourceError("it is a zip or a document itself; upload the pictures in it")
    return data
