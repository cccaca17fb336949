"""Streaming export, one page of assets at a time, so that memory use does not grow with the archive."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from tagging_core.errors import PictureError, TaggingError
from tagging_core.publishing import schemas
from tagging_core.publishing.exports import label_studio, metadata, tables
from tagging_core.publishing.exports.file_names import UniqueNames
from tagging_core.taxonomy.model import Taxonomy

_PAGE = 200
_CHUNK = 1 << 20  # bytes
_PROBLEMS = "problems.txt"


class Format(StrEnum):
    """Export format."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    LABEL_STUDIO = "label-studio"  # tasks with predictions and annotations
    XMP = "xmp"  # a zip with one XMP sidecar per picture
    PICTURES = "pictures"  # a zip of copies with embedded XMP and IPTC, or with XMP sidecars


ENDINGS = {
    Format.CSV: ("csv", "text/csv; charset=utf-8"),
    Format.JSON: ("json", "application/json"),
    Format.JSONL: ("jsonl", "application/x-ndjson"),
    Format.LABEL_STUDIO: ("json", "application/json"),
    Format.XMP: ("zip", "application/zip"),
    Format.PICTURES: ("zip", "application/zip"),
}
"""File extension and media type by format."""


class AssetReader(Protocol):
    """Source of the exported assets, implemented by `AssetsOperations`."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The current taxonomy."""

    @property
    def model(self) -> str:
        """Fingerprint of the active model."""

    def list(
        self, filters: schemas.Filters, cursor: str | None, limit: int, *, language: schemas.Language
    ) -> schemas.Page[schemas.Asset]:
        """Return a page of the assets that match the filters, newest first."""

    def get_many(self, asset_ids: Sequence[int], language: schemas.Language) -> Sequence[schemas.Asset]:
        """Return assets in the order of their ids; unknown ids are skipped."""

    def picture(self, asset: int, rendition: schemas.Rendition) -> bytes:
        """Return the bytes of an image file."""

    def recorded_suggestions(self, asset: int) -> Sequence[schemas.Suggestion]:
        """Return the latest recorded suggestions of an asset, best first."""


class Selection(Protocol):
    """Which assets to export; see `by_filters` and `by_ids`."""

    def __call__(self, reader: AssetReader, language: schemas.Language) -> Iterator[schemas.Asset]:
        """Yield the assets, loading one page at a time."""


def by_filters(filters: schemas.Filters) -> Selection:
    """Select all assets that match the filters, newest first."""

    def each(reader: AssetReader, language: schemas.Language) -> Iterator[schemas.Asset]:
        cursor: str | None = None
        while True:
            page = reader.list(filters, cursor, _PAGE, language=language)
            yield from page.items
            if (cursor := page.next) is None:
                return

    return each


def by_ids(asset_ids: Sequence[int]) -> Selection:
    """Select assets by id, in this order."""

    def each(reader: AssetReader, language: schemas.Language) -> Iterator[schemas.Asset]:
        for start in range(0, len(asset_ids), _PAGE):
            yield from reader.get_many(asset_ids[start : start + _PAGE], language)

    return each


def export(
    reader: AssetReader,
    selection: Selection,
    form: Format,
    *,
    columns: Sequence[str] = tables.USUAL,
    language: schemas.Language = "en",
    image: str = "{name}",
) -> Iterator[bytes]:
    """Export assets as one file.

    Args:
        reader: Source of the assets.
        selection: Which assets to export, in which order; see `by_filters` and `by_ids`.
        form: Format of the file.
        columns: For CSV, from `tables.COLUMNS`, in this order; must be valid for other formats, too.
        language: Language of names and descriptions.
        image: Image URL for Label Studio, with the placeholders {id}, {sha256} and {name}.

    Returns:
        The file's chunks. Assets are read as chunks are consumed, except for zip files: these are built in a
        temporary file before the first chunk.

    Raises:
        SearchError: A column does not exist; raised before the first chunk.
    """
    tables.check_columns(columns)
    found = selection(reader, language)
    if form in (Format.XMP, Format.PICTURES):
        return _zip(reader, found, form, language=language)
    if form == Format.CSV:
        text = tables.to_csv(found, columns)
    elif form == Format.JSON:
        text = tables.to_json(found)
    elif form == Format.JSONL:
        text = tables.to_jsonl(found)
    else:
        text = label_studio.to_tasks(_tasks(reader, found, image))
    return (chunk.encode() for chunk in text)


def _tasks(reader: AssetReader, found: Iterator[schemas.Asset], image: str) -> Iterator[dict[str, Any]]:
    for asset in found:
        url = image.replace("{id}", str(asset.id)).replace("{sha256}", asset.sha256).replace("{name}", asset.name)
        yield label_studio.task(asset, reader.recorded_suggestions(asset.id), reader.model, image=url)


def _zip(
    reader: AssetReader, found: Iterator[schemas.Asset], form: Format, *, language: schemas.Language
) -> Iterator[bytes]:
    """Build a zip; what cannot be read or embedded gets a line in problems.txt, and a sidecar if possible."""
    names = UniqueNames(_PROBLEMS)
    problems = [metadata.HOW_TO_EMBED] if form == Format.PICTURES and not metadata.can_embed() else []
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for asset in found:
                name = names.claim(asset.name, str(asset.id))
                try:
                    original = reader.picture(asset.id, "original")
                except TaggingError as error:
                    problems.append(f"{name}: {error}")
                    original = b""
                paths = metadata.paths(asset, reader.taxonomy, language)
                files = _Files(name, asset, paths, original=original, problems=problems)
                for path, data in files.sidecar() if form == Format.XMP else files.picture():
                    archive.writestr(path, data)
            if problems:
                archive.writestr(_PROBLEMS, "\n".join(problems) + "\n")
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one asset in a zip: path and bytes of each."""

    name: str
    asset: schemas.Asset
    paths: Sequence[tuple[str, ...]]
    original: bytes  # empty if it cannot be read
    problems: list[str]

    def picture(self) -> Iterator[tuple[str, bytes]]:
        if not self.original:
            return
        if metadata.can_embed():
            try:
                yield self.name, metadata.embed(self.original, self.asset, self.paths)
                return
            except PictureError as error:
                self.problems.append(f"{self.name}: {error} Its tags are in {self.name}.xmp.")
        yield self.name, self.original
        yield from self.sidecar()

    def sidecar(self) -> Iterator[tuple[str, bytes]]:
        try:
            data = metadata.sidecar(self.asset, self.paths, self.original)
        except PictureError as error:
            self.problems.append(f"{self.name}: {error} The XMP file has only its tags here.")
            data = metadata.sidecar(self.asset, self.paths)
        yield f"{self.name}.xmp", data
