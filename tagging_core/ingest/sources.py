"""Where pictures come from: uploads, folders, zips. What a client names is never used as a path."""

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

INCOMING = "incoming"
"""Where staged files lie in the blobs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody wants ingested.

    Attributes:
        source: Path of its bytes, or, if it was staged, their name in the blobs; empty if it was refused.
        staged: Whether that file is ours to remove.
        name: What the client calls it, for people to read.
        reason: Why it was refused already; empty if it was not.
    """

    source: str
    staged: bool
    name: str
    text: AssetText = field(default_factory=AssetText)
    reason: str = ""


def stage_uploads(files: Iterable[tuple[str, bytes]], blobs: BlobStore, prefix: str) -> list[Entry]:
    """Keep uploaded files until they are ingested; zips are unpacked, `photo.txt` is the text of `photo.jpg`.

    Args:
        files: Names and whole contents.
        blobs: Where they are kept.
        prefix: Of their names there, this batch's own.

    Raises:
        StorageError: The disk is full; nothing of the batch is kept.
    """
    entries: list[Entry] = []
    texts: dict[str, AssetText] = {}
    for name, data in files:
        if name.lower().endswith(".txt"):
            texts[_stem(name)] = parse_text(data[:_TEXT_BYTES].decode("utf-8", "replace"))
        elif zipfile.is_zipfile(io.BytesIO(data)):
            entries += stage_zip(io.BytesIO(data), name, blobs, f"{prefix}/{len(entries)}")
        else:
            place = f"{prefix}/{len(entries)}"
            blobs.write(place, data)
            entries.append(Entry(place, True, name))
    return [replace(e, name=safe_name(e.name), text=texts.get(_stem(e.name), e.text)) for e in entries]


def stage_zip(file: io.BytesIO | Path, name: str, blobs: BlobStore, prefix: str) -> list[Entry]:
    """Unpack a zip's pictures into numbered files; a bad member gets its own reason.

    Raises:
        SourceError: The zip is damaged as a whole or has too many members.
        StorageError: The disk is full.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
            if len(members) > ZIP_FILES:
                raise SourceError(f"{name} holds {len(members):,} files; the limit of one zip is {ZIP_FILES:,}.")
            texts = {_stem(m.filename): m for m in members if m.filename.lower().endswith(".txt")}
            return list(_unpack(archive, members, texts, blobs, prefix))
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SourceError(f"{safe_name(name)} is not a readable zip: {error}.") from error


def list_path(path: Path) -> list[Entry]:
    """A file, all files below a folder, or a zip on this machine; zips are returned as they are.

    Hidden files are left out; `photo.txt` beside `photo.jpg` is its text: the first line is its title.

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
    """A name for a batch that was given none."""
    first = entries[0].name if entries else "Nothing"
    return first if len(entries) == 1 else f"{first} and {len(entries) - 1} more"


def remove_leftovers(blobs: BlobStore, needed: set[str], seconds: float) -> None:
    """Remove staged files that no batch waits for, left by a crash at least so long ago."""
    for name in blobs.older_than(INCOMING, seconds):
        if name not in needed:
            blobs.remove(name)


def within_root(text: str, root: Path | None) -> Path:
    """A path that an editor typed, if it lies below the folder the administrator allowed.

    Raises:
        SourceError: No folder is allowed, the path does not exist, or it leads outside.
    """
    if root is None:
        raise SourceError("No server folder is open for ingest; an administrator sets TAGLOOP_INGEST_ROOT.")
    base = root.resolve()
    path = (base / text.strip()).resolve()
    if not path.is_relative_to(base):
        raise SourceError(f"{text!r} lies outside the folder that is open for ingest.")
    if not path.exists():
        raise SourceError(f"{text!r} does not exist below the folder that is open for ingest.")
    return path


def parse_text(text: str) -> AssetText:
    """Text beside a picture: the first line is its title, the second its caption, the rest its body."""
    title, _, rest = text.strip().partition("\n")
    caption, _, body = rest.strip().partition("\n")
    return AssetText(title, caption, body).clean()


def _unpack(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    texts: dict[str, zipfile.ZipInfo],
    blobs: BlobStore,
    prefix: str,
) -> Iterator[Entry]:
    total = 0
    for n, member in enumerate(members):
        if member in texts.values():
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
        text = texts.get(_stem(member.filename))
        words = _read_member(archive, text, _TEXT_BYTES).decode("utf-8", "replace") if text else ""
        yield Entry(place, True, shown, parse_text(words))


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or member.filename.startswith(("/", "\\")) or (parts and ":" in parts[0]):
        raise SourceError("its path leads outside the zip")
    if member.flag_bits & 1:
        raise SourceError("it is protected by a password; unpack it and upload the pictures")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise SourceError("it is a link")
    if member.file_size > 1_000_000 and member.file_size > ZIP_RATIO * max(1, member.compress_size):
        raise SourceError(f"it is packed more than {ZIP_RATIO} times, as no picture is")
    try:
        with archive.open(member) as stream:
            data = stream.read(limit + 1)  # what the directory says about sizes may be a lie
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise SourceError(f"it is damaged ({error})") from error
    if len(data) > limit:
        raise SourceError(f"it has more than {limit / 1e6:.0f} MB")
    return data


def _wanted(path: Path, root: Path) -> bool:
    relative = path.relative_to(root)
    inside = path.resolve().is_relative_to(root.resolve())  # a link may lead anywhere
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
