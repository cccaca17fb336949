"""File formats of the tag library: CSV for spreadsheets, JSON for programs, SKOS for other thesauri.

All three are parsed into the same rows, which `importer` turns into a plan.
"""

from __future__ import annotations

from collections.abc import Callable

from tagging_core.curation.formats import csv_file, json_file, skos_file
from tagging_core.curation.formats.rows import File, Row
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Taxonomy

__all__ = ["File", "Row", "read", "write"]


def read(data: bytes, form: str) -> File:
    """Parse an import file.

    Args:
        data: The whole file, in UTF-8, or in UTF-16 with a byte order mark.
        form: `csv`, `json` or `skos` (Turtle, RDF/XML or JSON-LD).

    Returns:
        The rows in the order of the file; concepts of a SKOS file in the order of their URIs.

    Raises:
        ImportRefusedError: The file is unreadable or has invalid lines; lists each of them.
    """
    readers: dict[str, Callable[[str], File]] = {
        "csv": csv_file.read,
        "json": json_file.read,
        "skos": skos_file.read,
    }
    return readers[form](_decode(data))


def write(taxonomy: Taxonomy, form: str) -> bytes:
    """Export the taxonomy, including merged tags, so that readers can resolve old ids.

    Args:
        taxonomy: The taxonomy.
        form: `csv`, `json` or `skos` (Turtle).

    Returns:
        The file, in UTF-8; CSV with a byte order mark.
    """
    writers: dict[str, Callable[[Taxonomy], str]] = {
        "csv": csv_file.write,
        "json": json_file.write,
        "skos": skos_file.write,
    }
    text = writers[form](taxonomy)
    return text.encode("utf-8-sig" if form == "csv" else "utf-8")  # without a BOM, Excel reads CSV as Latin-1


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise ImportRefusedError(
                {1: "the UTF-16 file ends in the middle of a character; save it again"}
            ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = f"byte {data[error.start]:#04x} is not UTF-8. Save the file as UTF-8 (in Excel: 'CSV UTF-8')"
        raise ImportRefusedError({line: problem}) from error
