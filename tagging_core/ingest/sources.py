"""Sources of pictures: uploads, folders and zips. Client-supplied names are never used as paths."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from tagging_core.assets.decoding import MAX_BYTES
from tagging_core.assets.repository import AssetText, safe_name
from tagging_core.errors import SourceError
from tagging_core.storage.blobs import BlobStore

ZIP_FILES = 20_000
ZIP_BYTES = 8_000_000_000
ZIP_RATIO = 200
_TEXT_BYTES = 200_000
# What reading a damaged member raises; NotImplementedError is a compression that zipfile does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError)

INCOMING = "incoming"
"""Blob name prefix of staged files."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to ingest.

    Attributes:
        source: Its path, or its blob name if it is staged; empty if it was refused.
        staged: Whether it is a copy that is removed after ingest.
        name: The client's file name, for display only.
        text: Title, caption and body that came with it.
        reason: Why it was refused; empty if it was not.
    """

    source: str
    staged: bool
    name: str
    text: AssetText = field(default_factory=AssetText)
    reason: str = ""


def stage_uploads(files: Iterable[tuple[str, bytes]], blobs: BlobStore, prefix: str) -> list[Entry]:
    """Stage uploaded files; zips are unpacked, and `photo.txt` becomes the text of `photo.jpg`.

    Args:
        files: Name and content of each file.
        prefix: Prefix of the blob names, unique to the batch.

    Raises:
        SourceError: A zip cannot be read or has too many members.
        StorageError: The disk is full; the caller removes what was staged.
    """
    entries: list[Entry] = []
    texts: dict[str, AssetText] = {}
    for name, data in files:
        if name.lower().endswith(".txt"):
            texts[_stem(name)] = parse_text(data[:_TEXT_BYTES].decode("utf-8", "replace"))
        elif zipfile.is_zipfile(io.BytesIO(data)):
            entries += stage_zip(io.BytesIO(data), name, blobs, prefix=f"{prefix}/{len(entries)}")
        else:
            place = f"{prefix}/{len(entries)}"
            blobs.write(place, data)
            entries.append(Entry(place, True, name))
    return [replace(e, name=safe_name(e.name), text=texts.get(_stem(e.name), e.text)) for e in entries]


def stage_zip(file: io.BytesIO | Path, name: str, blobs: BlobStore, *, prefix: str) -> list[Entry]:
    """Stage the members of a zip; unusable members become entries with a reason.

    Raises:
        SourceError: The zip cannot be read or has too many members.
        StorageError: The disk is full.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
            if len(members) > ZIP_FILES:
                raise SourceError(f"{name} has {len(members):,} files; the limit for one zip is {ZIP_FILES:,}.")
            texts = {_stem(m.filename): m for m in members if m.filename.lower().endswith(".txt")}
            return list(_unpack(archive, members, texts, blobs=blobs, prefix=prefix))
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SourceError(f"{safe_name(name)} is not a readable zip: {error}.") from error


def list_path(path: Path) -> list[Entry]:
    """List a local file, or all files below a folder except hidden ones; zips are not unpacked.

    `photo.txt` beside `photo.jpg` becomes its text, see `parse_text`.

    Raises:
        SourceError: The path does not exist or cannot be read.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist.")
    if path.is_file():
        text = path.with_suffix(".txt")
        return [Entry(str(path.absolute()), False, path.name, _read_text(text if text.is_file() else None))]
    if not path.is_dir():
        raise SourceError(f"{path} is neither a file nor a folder.")
    try:
        files = sorted(p for p in path.rglob("*") if _wanted(p, path))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    texts = {p.with_suffix(""): p for p in files if p.suffix.lower() == ".txt"}
    pictures = [p for p in files if p.suffix.lower() != ".txt"]
    return [Entry(str(p.absolute()), False, p.name, _read_text(texts.get(p.with_suffix("")))) for p in pictures]


def title(entries: Sequence[Entry]) -> str:
    """Return a default name for a batch."""
    first = entries[0].name if entries else "Nothing"
    return first if len(entries) == 1 else f"{first} and {len(entries) - 1} more"


def remove_leftovers(blobs: BlobStore, needed: set[str], seconds: float) -> None:
    """Remove staged files of at least this age that no batch needs, left over from a crash."""
    for name in blobs.older_than(INCOMING, seconds):
        if name not in needed:
            blobs.remove(name)


def within_root(text: str, root: Path | None) -> Path:
    """Resolve a path typed by an editor, relative to the ingest root.

    Raises:
        SourceError: There is no ingest root, or the path does not exist or is outside of it.
    """
    if root is None:
        raise SourceError("Ingest from server folders is disabled; an administrator can set TAGLOOP_INGEST_ROOT.")
    base = root.resolve()
    path = (base / text.strip()).resolve()
    if not path.is_relative_to(base):
        raise SourceError(f"{text!r} is outside the folder TAGLOOP_INGEST_ROOT.")
    if not path.exists():
        raise SourceError(f"{text!r} does not exist in the folder TAGLOOP_INGEST_ROOT.")
    return path


def parse_text(text: str) -> AssetText:
    """Parse a sidecar text: the first line is the title, the second the caption, the rest the body."""
    title, _, rest = text.strip().partition("\n")
    caption, _, body = rest.strip().partition("\n")
    return AssetText(title, caption, body).clean()


def _unpack(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    texts: dict[str, zipfile.ZipInfo],
    *,
    blobs: BlobStore,
    prefix: str,
) -> Iterator[Entry]:
    total = 0
    sidecars = {text.filename for text in texts.values()}
    for n, member in enumerate(members):
        if member.filename in sidecars:
            continue
        shown = safe_name(member.filename)
        try:
            data = _read_member(archive, member, MAX_BYTES)
            total += len(data)
            if total > ZIP_BYTES:
                raise SourceError(f"the zip unpacks to more than {ZIP_BYTES / 1e9:.0f} GB")
        except SourceError as error:
            yield Entry("", False, shown, reason=f"Left out of the zip: {error}.")
            continue
        place = f"{prefix}/{n}"
        blobs.write(place, data)
        yield Entry(place, True, shown, parse_text(_read_sidecar(archive, texts.get(_stem(member.filename)))))


def _read_sidecar(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None) -> str:
    """Return the beginning of a text; an unreadable one is left out, since its picture is what matters."""
    if member is None:
        return ""
    try:
        with archive.open(member) as stream:
            return stream.read(_TEXT_BYTES).decode("utf-8", "replace")
    except _DAMAGED:
        return ""


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or member.filename.startswith(("/", "\\")) or (parts and ":" in parts[0]):
        raise SourceError("its path leads outside the zip")
    if member.flag_bits & 1:
        raise SourceError("it is password-protected; unpack the zip and upload the pictures")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise SourceError("it is a symbolic link")
    if member.file_size > 1_000_000 and member.file_size > ZIP_RATIO * max(1, member.compress_size):
        raise SourceError(f"its compression ratio is above {ZIP_RATIO}, which no picture reaches")
    try:
        with archive.open(member) as stream:
            data = stream.read(limit + 1)  # the size in the zip's directory may be wrong
    except _DAMAGED as error:
        raise SourceError(f"it is damaged ({error})") from error
    if len(data) > limit:
        raise SourceError(f"it is larger than {limit / 1e6:.0f} MB")
    return data


def _wanted(path: Path, root: Path) -> bool:
    relative = path.relative_to(root)
    inside = path.resolve().is_relative_to(root.resolve())  # a symbolic link may point outside
    return inside and path.is_file() and not any(part.startswith(".") for part in relative.parts)


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any((p.startswith(".") and p != "..") or p == "__MACOSX" for p in parts)


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _read_text(path: Path | None) -> AssetText:
    if path is None:
        return AssetText()
    try:
        with path.open("rb") as file:
            return parse_text(file.read(_TEXT_BYTES).decode("utf-8", "replace"))
    except OSError:
        return AssetText()
