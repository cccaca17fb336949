"""Zips of pictures: members are staged under names of our own; their names are decoded for display only."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tagging_core.assets.decoding import EXTENSIONS, MAX_BYTES
from tagging_core.assets.repository import AssetText, safe_name
from tagging_core.errors import SourceError
from tagging_core.ingest.entries import Entry, refused
from tagging_core.ingest.leftovers import is_leftover
from tagging_core.ingest.sidecars import TEXT_BYTES, Sidecars, is_text, parse_text
from tagging_core.ingest.staging_budget import StagingBudget
from tagging_core.ingest.zip_names import member_names
from tagging_core.ingest.zip_structure import open_zip
from tagging_core.storage.blobs import BlobStore

ZIP_FILES = 20_000
ZIP_RATIO = 200
_TOTAL_RATIO, _ANY_TOTAL = 30, 100_000_000  # of a whole zip; small ones may exceed the ratio
_PIECE = 1_000_000
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks others at once, whatever their size
# What reading a damaged member raises; NotImplementedError is an encryption that zipfile does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError)
_SIGNATURES = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")  # a member, an empty zip, a part of a split zip
_SUFFIXES = ("", ".zip", ".cbz", *(f".{extension}" for extension in EXTENSIONS))


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in a zip, with its decoded path."""

    path: str
    info: zipfile.ZipInfo


class _MemberError(Exception):
    """A member cannot be used, which costs the others nothing."""


def is_zip(data: bytes) -> bool:
    """Whether a file is a zip, by its first bytes: pictures may hold what ends a zip, or a zip behind them."""
    return data.startswith(_SIGNATURES)


def stage_zip(
    file: BinaryIO | Path, name: str, blobs: BlobStore, *, prefix: str, budget: StagingBudget
) -> list[Entry]:
    """Stage the pictures of a zip; unusable members become entries with a reason, leftovers are skipped.

    Raises:
        SourceError: The zip cannot be read, is a document, or takes more space or memory than zips of pictures do.
        StorageError: The disk is full.
    """
    shown = safe_name(name)
    if (suffix := PurePosixPath(shown).suffix.lower()) not in _SUFFIXES:
        raise SourceError(
            f"{shown} is a {suffix} file, not a zip of pictures. Save its pictures and upload those; "
            "if it is a zip of pictures, name it .zip."
        )
    try:
        opened = file.open("rb") if isinstance(file, Path) else nullcontext(file)
        with opened as stream, open_zip(stream, shown) as archive:
            return list(_Unpacker(archive, shown, budget).stage(blobs, prefix))
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise SourceError(f"{shown} is not a readable zip: {error}.") from error


class _Unpacker:
    """Unpacks a zip, counting what comes out of it."""

    def __init__(self, archive: zipfile.ZipFile, shown: str, budget: StagingBudget) -> None:
        self._archive, self._shown, self._budget = archive, shown, budget
        self._unpacked, self._most = 0, _ANY_TOTAL + _TOTAL_RATIO * archive.start_dir

    def stage(self, blobs: BlobStore, prefix: str) -> Iterator[Entry]:
        members = self._members()
        sidecars = Sidecars((member.path, member) for member in members if is_text(member.path))
        for n, member in enumerate(members):
            if is_text(member.path):
                continue
            try:
                data = self._read(member)
            except _MemberError as error:
                yield refused(member.path, f"Left out of the zip: {error}.")
                continue
            text = self._read_text(sidecars.of(member.path))
            self._budget.take_file(len(data))
            self._budget.take_text(text)
            place = f"{prefix}/{n}"
            blobs.write(place, data)
            yield Entry(place, True, safe_name(member.path), text)

    def _members(self) -> Sequence[_Member]:
        infos = self._archive.infolist()
        found = [_Member(path, info) for path, info in zip(member_names(infos), infos, strict=True)]
        members = [m for m in found if not m.path.endswith(("/", "\\")) and not is_leftover(m.path)]
        if len(members) > ZIP_FILES:
            raise SourceError(f"{self._shown} has {len(members):,} files; the limit for one zip is {ZIP_FILES:,}.")
        return members

    def _read_text(self, member: _Member | None) -> AssetText:
        """Return a text; an unreadable one is left out, since its picture is what matters."""
        if member is None:
            return AssetText()
        try:
            return parse_text(b"".join(self._pieces(member.info, TEXT_BYTES)))
        except _MemberError:
            return AssetText()

    def _read(self, member: _Member) -> bytes:
        _refuse_path(member.path)
        if stat.S_ISLNK(member.info.external_attr >> 16):
            raise _MemberError("it is a symbolic link")
        if member.info.file_size > MAX_BYTES:  # zipfile reads no more than that
            raise _MemberError(f"it is larger than {MAX_BYTES / 1e6:.0f} MB")
        data = b"".join(self._pieces(member.info, MAX_BYTES))
        if is_zip(data):
            raise _MemberError("it is a zip or a document itself; upload the pictures in it")
        return data

    def _pieces(self, info: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        """Yield the first bytes of a member, of which the zip may state any size."""
        if info.flag_bits & 1:
            raise _MemberError("it is password-protected; unpack the zip and upload the pictures")
        if info.compress_type not in _PACKINGS:
            raise _MemberError("it is packed in a rare way; pack the pictures as an ordinary zip (deflate)")
        size = 0
        try:
            with self._archive.open(info) as stream:
                while size < most and (piece := stream.read(min(_PIECE, most - size))):
                    size += len(piece)
                    self._count(len(piece))
                    if size > _PIECE and size > ZIP_RATIO * max(1, info.compress_size):
                        raise _MemberError(f"its compression ratio is above {ZIP_RATIO}, which no picture reaches")
                    yield piece
        except _DAMAGED as error:
            raise _MemberError(f"it is damaged ({error})") from error

    def _count(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > self._most:
            raise SourceError(
                f"{self._shown} unpacks to more than {_TOTAL_RATIO} times its size, as pictures do not. "
                "Upload the pictures without a zip."
            )


def _refuse_path(path: str) -> None:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if ".." in parts or path.startswith(("/", "\\")) or (parts and ":" in parts[0]):
        raise _MemberError("its path leads outside the zip")
