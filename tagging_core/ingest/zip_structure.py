"""Zips whose structure is sound: few enough members, each with bytes of its own, packed as other programs pack."""

from __future__ import annotations

import io
import itertools
import zipfile
from typing import BinaryIO

from tagging_core.errors import SourceError

MAX_MEMBERS = 60_000
"""Members of any kind: folders and what systems add beside pictures, too."""

_MAX_DIRECTORY = 12_000_000  # bytes; a member takes about 120 of them, and ten times as much memory
_DIRECTORY_SIZE = 5  # in what zipfile reads at the end of a zip
_LOCAL_HEADER = 30  # bytes before a member's name
_DOCUMENT_PARTS = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})
"""Members that mark a zip as an Office or OpenDocument file, an e-book or a Java program."""


def open_zip(stream: BinaryIO, shown: str) -> zipfile.ZipFile:
    """Open a zip after a look at what its directory would cost.

    Args:
        stream: The whole file, seekable.
        shown: Its name, for messages.

    Returns:
        The zip, whose members do not overlap.

    Raises:
        SourceError: It is a document, or built to take more memory or space than a zip of pictures does.
        zipfile.BadZipFile: It is not a zip, or damaged.
    """
    # The function that zipfile itself calls next, so that both look at the same directory.
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
    if end and _MAX_DIRECTORY < end[_DIRECTORY_SIZE] <= stream.seek(0, io.SEEK_END):
        raise SourceError(f"{shown} has too many files for one zip. Send several zips.")
    archive = zipfile.ZipFile(stream)
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise SourceError(f"{shown} has {len(infos):,} members; the limit for one zip is {MAX_MEMBERS:,}.")
    if _DOCUMENT_PARTS.intersection(info.filename for info in infos):
        raise SourceError(
            f"{shown} is a document or program, not a zip of pictures. Save its pictures and upload those."
        )
    if _overlap(infos, archive.start_dir):
        raise SourceError(
            f"{shown} is damaged or hostile: its members overlap. "
            "Pack the pictures again, or upload them without a zip."
        )
    return archive


def _overlap(infos: list[zipfile.ZipInfo], directory: int) -> bool:
    """Whether two members share bytes, or one shares bytes with the directory."""
    placed = sorted((info.header_offset, _end_of(info)) for info in infos)
    return any(end > start for (_, end), (start, _) in itertools.pairwise([*placed, (directory, directory)]))


def _end_of(info: zipfile.ZipInfo) -> int:
    """Return the least offset at which a member can end, since its name stands between header and data."""
    return info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
