"""What one request may stage: files, bytes, text and disk space, however its files are packed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tagging_core.assets.repository import AssetText
from tagging_core.errors import SourceError, StorageError
from tagging_core.storage.blobs import BlobStore

MAX_FILES = 20_000
MAX_BYTES = 8_000_000_000
MAX_CHARACTERS = 50_000_000
_RESERVE_SHARE, _RESERVE_BYTES = 0.05, 1_000_000_000  # of the disk, whichever is less; the database needs it


class StagingBudget:
    """Counts what a request stages while it is staged; sizes that a zip states are not believed.

    Args:
        blobs: Where the files are staged.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._folder = blobs.path("")
        self._files = self._bytes = self._characters = 0

    def take_file(self, size: int) -> None:
        """Count a file that is about to be written.

        Args:
            size: Its size in bytes.

        Raises:
            SourceError: The request has too many files or bytes.
            StorageError: The disk would be nearly full.
        """
        self._files += 1
        self._bytes += size
        if self._files > MAX_FILES:
            raise SourceError(f"The upload has more than {MAX_FILES:,} files. Send it in parts.")
        if self._bytes > MAX_BYTES:
            raise SourceError(f"The upload unpacks to more than {MAX_BYTES / 1e9:.0f} GB. Send it in parts.")
        if self._folder is not None:
            _require_free(self._folder, size)

    def take_text(self, text: AssetText) -> None:
        """Count the text of a picture.

        Args:
            text: Kept in memory until the batch is queued, and once for each picture that it belongs to.

        Raises:
            SourceError: The request has too much text.
        """
        self._characters += sum(len(part) for part in text.as_dict().values())
        if self._characters > MAX_CHARACTERS:
            raise SourceError(
                f"The texts of the upload have more than {MAX_CHARACTERS / 1e6:.0f} million characters. "
                "Send it in parts."
            )


def _require_free(folder: Path, size: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    disk = shutil.disk_usage(existing)
    if disk.free - size < min(_RESERVE_BYTES, _RESERVE_SHARE * disk.total):
        raise StorageError("The disk is nearly full. Ask an administrator to free some space.")
