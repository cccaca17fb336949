"""Sources of pictures: uploads, folders and zips. Client-supplied names are never used as paths."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tagging_core.assets.decoding import EXTENSIONS
from tagging_core.assets.repository import AssetText, safe_name
from tagging_core.errors import SourceError
from tagging_core.ingest.archives import is_zip, stage_zip
from tagging_core.ingest.entries import Entry, refused, shown, source_of
from tagging_core.ingest.leftovers import is_leftover
from tagging_core.ingest.sidecars import TEXT_BYTES, Sidecars, is_text, parse_text
from tagging_core.ingest.staging_budget import StagingBudget
from tagging_core.storage.blobs import BlobStore

INCOMING = "incoming"
"""Blob name prefix of staged files."""


def stage_uploads(files: Iterable[tuple[str, bytes]], blobs: BlobStore, prefix: str) -> list[Entry]:
    """Stage uploaded files; zips are unpacked, leftovers skipped, and `photo.txt` becomes the text of `photo.jpg`.

    Args:
        files: Name and content of each file.
        prefix: Prefix of the blob names, unique to the batch.

    Returns:
        An entry for each picture; a zip that cannot be read is one entry, with the reason.

    Raises:
        SourceError: There are only leftovers, or more files, bytes or text than one request may have.
        StorageError: The disk is full; the caller removes what was staged.
    """
    budget = StagingBudget(blobs)
    entries: list[Entry] = []
    texts: list[tuple[str, AssetText]] = []
    skipped: list[str] = []
    for name, data in files:
        place = f"{prefix}/{len(entries)}"
        if is_text(name):
            texts.append((name, parse_text(data)))
        elif is_leftover(name):
            skipped.append(name)
        elif is_zip(data):
            entries += _stage_or_refuse(io.BytesIO(data), name, blobs, prefix=place, budget=budget)
        else:
            budget.take_file(len(data))
            blobs.write(place, data)
            entries.append(Entry(place, True, name))
    if skipped and not entries:
        raise SourceError(
            f"{safe_name(skipped[0])} is skipped by its name: it is hidden, or one of the files that systems and "
            "photo programs leave beside pictures. Rename it if it is a picture."
        )
    sidecars = Sidecars(texts)
    return [_named(entry, sidecars.of(entry.name), budget) for entry in entries]


def list_paths(paths: Sequence[Path], blobs: BlobStore, prefix: str) -> list[Entry]:
    """List local files and all files below folders; zips are unpacked, and `photo.txt` is the text of `photo.jpg`.

    Args:
        paths: Files, folders and zips.
        prefix: Prefix of the blob names for members of zips, unique to the batch.

    Returns:
        An entry for each file; a zip that cannot be read, or a path that does not exist, is one, with the reason.

    Raises:
        SourceError: None of the paths exists.
        StorageError: The disk is full; the caller removes what was staged.
    """
    if paths and not any(path.exists() for path in paths):
        raise SourceError(f"{', '.join(shown(str(path)) for path in paths)} does not exist.")
    entries: list[Entry] = []
    texts_in = functools.cache(_texts_in)
    for path in paths:
        try:
            files = list_files(path)
        except SourceError as error:
            entries.append(refused(shown(path.name), str(error)))
            continue
        for file in files:
            if _is_zip_file(file):
                place, budget = f"{prefix}/{len(entries)}", StagingBudget(blobs)
                entries += _stage_or_refuse(file, shown(file.name), blobs, prefix=place, budget=budget)
            else:
                text = _read_text(texts_in(file.parent).of(file.name))
                entries.append(Entry(source_of(file), False, safe_name(shown(file.name)), text))
    return entries


def list_files(path: Path) -> list[Path]:
    """List a local file, or all files below a folder except leftovers and texts.

    Raises:
        SourceError: The path does not exist or cannot be read.
    """
    if not path.exists():
        raise SourceError(f"{shown(str(path))} does not exist.")
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"{shown(str(path))} is neither a file nor a folder.")
    try:
        return sorted(p for p in path.rglob("*") if is_wanted(p, path) and not is_text(p.name))
    except OSError as error:
        raise SourceError(f"{shown(str(path))} cannot be read: {error.strerror}.") from error


def is_wanted(path: Path, folder: Path) -> bool:
    """Whether a file below a folder is neither a leftover nor a link to a file outside of the folder."""
    return not is_leftover(path.relative_to(folder)) and _is_inside(path, folder) and path.is_file()


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


def _named(entry: Entry, text: AssetText | None, budget: StagingBudget) -> Entry:
    if text is not None:
        budget.take_text(text)
    return replace(entry, name=safe_name(entry.name), text=text or entry.text)


def _stage_or_refuse(
    file: BinaryIO | Path, name: str, blobs: BlobStore, *, prefix: str, budget: StagingBudget
) -> list[Entry]:
    try:
        return stage_zip(file, name, blobs, prefix=prefix, budget=budget)
    except SourceError as error:
        for staged in blobs.older_than(prefix, 0.0):
            blobs.remove(staged)
        return [refused(name, str(error))]


def _is_zip_file(path: Path) -> bool:
    if path.suffix.lower().lstrip(".") in EXTENSIONS:
        return False  # spare a file server a read of each picture
    try:
        with path.open("rb") as file:
            return is_zip(file.read(4))
    except OSError:
        return False  # reported when it is read


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _texts_in(folder: Path) -> Sidecars[Path]:
    try:
        return Sidecars((p.name, p) for p in folder.iterdir() if is_text(p.name) and _is_inside(p, folder))
    except OSError:
        return Sidecars([])


def _read_text(path: Path | None) -> AssetText:
    if path is None:
        return AssetText()
    try:
        with path.open("rb") as file:
            return parse_text(file.read(TEXT_BYTES))
    except OSError:
        return AssetText()
