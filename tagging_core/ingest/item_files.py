"""The files of a chunk, of which no more are in memory than one large one and the small ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tagging_core.assets.files import sha256_of
from tagging_core.errors import SourceError
from tagging_core.ingest.chunks import Item
from tagging_core.ingest.entries import path_of
from tagging_core.storage.blobs import BlobStore

_KEPT_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """An item that was read.

    Attributes:
        sha256: Of the file; empty if it could not be read.
        data: The file; empty if it is large.
        size: Of the file in bytes.
        asset_id: If it is in the archive with a vector.
        reason: Why it was refused; empty if it was not.
    """

    item: Item
    sha256: str = ""
    data: bytes = b""
    size: int = 0
    asset_id: int | None = None
    reason: str = ""


class ItemFiles:
    """Reads the files of items.

    Args:
        blobs: Holds the staged ones.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def load(self, item: Item) -> Loaded:
        """Read a file, and keep it if it is small.

        Args:
            item: Of a chunk.

        Returns:
            What was read, or why it cannot be read.
        """
        try:
            data = self._read(item)
        except SourceError as error:
            return Loaded(item, reason=str(error))
        return Loaded(item, sha256_of(data), data if len(data) <= _KEPT_BYTES else b"", len(data))

    def read_again(self, loaded: Loaded) -> bytes:
        """Return a file that was loaded.

        Args:
            loaded: As `load` returned it.

        Returns:
            The same bytes.

        Raises:
            SourceError: The file was removed or changed.
        """
        data = loaded.data or self._read(loaded.item)
        if sha256_of(data) != loaded.sha256:
            raise SourceError("The file changed while it was read. Ingest it again.")
        return data

    def _read(self, item: Item) -> bytes:
        try:
            return self._blobs.read(item.source) if item.staged else path_of(item.source).read_bytes()
        except OSError as error:
            raise SourceError(f"The file cannot be read: {error.strerror or 'it is gone'}.") from error


def share_texts(loaded: list[Loaded]) -> list[Loaded]:
    """Give copies of a picture within a chunk the text of the first that has one."""
    texts = {part.sha256: part.item.text for part in reversed(loaded) if any(part.item.text.values())}
    return [replace(p, item=replace(p.item, text=texts.get(p.sha256, p.item.text))) for p in loaded]
